// Package contract is the public API as gateway/openapi.yaml describes it (OpenAPI 3.1): what each operation takes, checked
// before a service hears of it, and the life of each: current, deprecated, retired.
//
// kin-openapi reads and checks the document. Its own validation of OpenAPI 3.1 compiles a schema anew for each value, so here the schemas
// are compiled once, by the same JSON Schema library (draft 2020-12) that it would ask.
package contract

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Contract is one document, checked and prepared. It is never changed, and safe for concurrent use.
type Contract struct {
	Text    []byte      // as it was written
	Doc     *openapi3.T // for who wants to show it
	Retired []Retired
	Sorted  []*Operation // by path, then method

	operations map[string]*Operation
}

// Load reads an OpenAPI 3.1 document. Examples that don't fit their schemas are an error, too, and so is a pattern whose
// subject has no bound.
func Load(text []byte) (*Contract, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(text)
	if err != nil {
		return nil, fmt.Errorf("read contract: %w", err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		return nil, fmt.Errorf("read contract: openapi %q is not 3.1", doc.OpenAPI)
	}
	if err := doc.Validate(context.Background(), openapi3.IsOpenAPI31OrLater(), openapi3.EnableSchemaFormatValidation()); err != nil {
		return nil, fmt.Errorf("check contract: %w", err)
	}
	c := &Contract{Text: text, Doc: doc, operations: map[string]*Operation{}}
	compile, err := compiler(doc)
	if err != nil {
		return nil, err
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			o, err := prepare(method, path, item, op, compile)
			if err != nil {
				return nil, fmt.Errorf("check contract: %s %s: %w", method, path, err)
			}
			c.operations[o.Route] = o
		}
	}
	c.Sorted = slices.SortedFunc(maps.Values(c.operations), func(a, b *Operation) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	c.Retired, err = retired(doc)
	return c, err
}

// Operation returns the operation of a route, as topology.yaml writes it ("GET /v1/documents/{id}"), or nil.
func (c *Contract) Operation(route string) *Operation { return c.operations[route] }

// documentURL names the document to the schema compiler, which resolves the references inside it. Nothing is fetched.
const documentURL = "https://redoubt.example/openapi.json"

// compiler returns what compiles the schema at a JSON pointer of the document.
func compiler(doc *openapi3.T) (func(pointer ...string) (*jsonschema.Schema, error), error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("check contract: %w", err)
	}
	resource, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		return nil, fmt.Errorf("check contract: %w", err)
	}
	if err := boundedPatterns("", resource); err != nil {
		return nil, fmt.Errorf("check contract: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseRegexpEngine(compilePattern)
	c.UseLoader(jsonschema.SchemeURLLoader{}) // no scheme: a reference to elsewhere is an error
	if err := c.AddResource(documentURL, resource); err != nil {
		return nil, fmt.Errorf("check contract: %w", err)
	}
	return func(pointer ...string) (*jsonschema.Schema, error) {
		var at strings.Builder
		for _, p := range pointer {
			at.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
		}
		return c.Compile(documentURL + "#" + escapePointer(at.String()))
	}, nil
}
