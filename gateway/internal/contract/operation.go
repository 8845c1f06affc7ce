package contract

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Operation is one route of the API.
type Operation struct {
	Route        string // "METHOD /path/{parameter}", as in topology.yaml
	Method, Path string
	Scopes       []string // one of them is needed; none: the operation is public
	Lifecycle    *Lifecycle
	Doc          *openapi3.Operation

	path, query, header []parameter
	takesBody           bool
	needsBody           bool
	body                *jsonschema.Schema
}

type parameter struct {
	name     string
	required bool
	integer  bool
	schema   *jsonschema.Schema
}

const (
	mediaJSON = "application/json"
	schemeKey = "accessToken"
)

type compileFunc = func(pointer ...string) (*jsonschema.Schema, error)

func prepare(method, path string, item *openapi3.PathItem, op *openapi3.Operation, compile compileFunc) (*Operation, error) {
	o := &Operation{Route: method + " " + path, Method: method, Path: path, Doc: op}
	if len(item.Parameters) > 0 {
		return nil, errors.New("parameters belong to the operation, not to its path")
	}
	at := []string{"paths", path, lower(method)}
	for i, ref := range op.Parameters {
		where := append(slices.Clone(at), "parameters", strconv.Itoa(i))
		if ref.Ref != "" {
			where = pointerOf(ref.Ref)
		}
		if err := o.parameter(ref.Value, append(where, "schema"), compile); err != nil {
			return nil, err
		}
	}
	if err := o.takes(op.RequestBody, append(slices.Clone(at), "requestBody"), compile); err != nil {
		return nil, err
	}
	if op.Responses.Len() == 0 {
		return nil, errors.New("it says nothing of its responses")
	}
	if op.Security == nil {
		return nil, errors.New("security is missing; an empty list makes it public")
	}
	for _, alternative := range *op.Security {
		o.Scopes = append(o.Scopes, alternative[schemeKey]...)
	}
	var err error
	o.Lifecycle, err = lifecycleOf(op)
	return o, err
}

func (o *Operation) parameter(p *openapi3.Parameter, at []string, compile compileFunc) error {
	schema, err := compile(at...)
	if err != nil {
		return err
	}
	prepared := parameter{name: p.Name, required: p.Required, integer: p.Schema.Value.Type.Is("integer"), schema: schema}
	switch p.In {
	case openapi3.ParameterInPath:
		o.path = append(o.path, prepared)
	case openapi3.ParameterInQuery:
		o.query = append(o.query, prepared)
	case openapi3.ParameterInHeader:
		prepared.name = http.CanonicalHeaderKey(p.Name)
		o.header = append(o.header, prepared)
	default:
		return fmt.Errorf("a parameter in a %s isn't checked", p.In)
	}
	return nil
}

func (o *Operation) takes(ref *openapi3.RequestBodyRef, at []string, compile compileFunc) (err error) {
	if ref == nil {
		return nil
	}
	if ref.Ref != "" {
		at = pointerOf(ref.Ref)
	}
	if len(ref.Value.Content) != 1 || ref.Value.Content[mediaJSON] == nil {
		return errors.New("a body is " + mediaJSON + " and nothing else")
	}
	o.takesBody, o.needsBody = true, ref.Value.Required
	o.body, err = compile(append(at, "content", mediaJSON, "schema")...)
	return err
}

// Request is what of a request is checked. Nothing in it is changed.
type Request struct {
	Path   func(name string) string
	Query  string // as it came
	Header http.Header
	Body   []byte // whole, and not encoded
}

// Nothing is the operation that takes neither parameters nor a body: the gateway's own pages.
var Nothing = &Operation{}

// Check returns the request's body, decoded, if it has one. The error is a *Violation.
func (o *Operation) Check(r Request) (body any, err error) {
	for _, p := range o.path {
		if err := p.check("path", []string{r.Path(p.name)}); err != nil {
			return nil, err
		}
	}
	if err := o.checkQuery(r.Query); err != nil {
		return nil, err
	}
	for _, p := range o.header {
		if err := p.check("header", r.Header[p.name]); err != nil {
			return nil, err
		}
	}
	return o.checkBody(r)
}

func (o *Operation) checkQuery(text string) error {
	var values url.Values
	if text != "" {
		var err error
		if values, err = url.ParseQuery(text); err != nil {
			return &Violation{In: "query", Detail: "the query string is malformed", Rule: "form"}
		}
	}
	for _, p := range o.query {
		if err := p.check("query", values[p.name]); err != nil {
			return err
		}
	}
	for name := range values {
		if !slices.ContainsFunc(o.query, func(p parameter) bool { return p.name == name }) {
			return &Violation{In: "query", Detail: "unknown query parameter " + quote(name), Rule: "unknown"}
		}
	}
	return nil
}

func (p parameter) check(in string, values []string) error {
	switch {
	case len(values) == 0 && p.required:
		return &Violation{In: in, Detail: fmt.Sprintf("the %s parameter %s is missing", in, p.name), Rule: "required"}
	case len(values) == 0:
		return nil
	case len(values) > 1:
		return &Violation{In: in, Detail: fmt.Sprintf("the %s parameter %s is given more than once", in, p.name), Rule: "repeated"}
	}
	var value any = values[0]
	if p.integer {
		n, err := strconv.ParseInt(values[0], 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != values[0] { // one spelling
			return &Violation{In: in, Detail: fmt.Sprintf("the %s parameter %s must be a whole number", in, p.name), Rule: "type"}
		}
		value = n
	}
	if err := p.schema.Validate(value); err != nil {
		return violation(in, fmt.Sprintf("the %s parameter %s", in, p.name), err)
	}
	return nil
}
