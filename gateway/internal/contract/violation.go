package contract

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Violation is a request that doesn't fit the contract.
type Violation struct {
	In     string // path, query, header, media (its content type) or body
	Detail string // for the client: it may quote names that the client chose, and no value
	Rule   string // for the log: the rule's place in the contract, never the client's text
}

func (v *Violation) Error() string { return v.Detail }

// violation says of the first thing that a schema refuses where it is and what is wrong.
func violation(in, subject string, err error) *Violation {
	var e *jsonschema.ValidationError
	if !errors.As(err, &e) { // a value that the library can't take
		return &Violation{In: in, Detail: subject + " is malformed", Rule: "form"}
	}
	at := e.InstanceLocation
	for len(e.Causes) > 0 {
		if _, ok := e.ErrorKind.(*kind.PropertyNames); ok {
			// Where isn't said: the library gives a place that it goes on to overwrite, and any of the body's fields comes out.
			return &Violation{In: in, Detail: "a field's name in " + subject + " " + reason(leaf(e).ErrorKind), Rule: rule(leaf(e))}
		}
		if e = e.Causes[0]; len(e.InstanceLocation) > 0 {
			at = e.InstanceLocation
		}
	}
	if len(at) > 0 {
		subject += " at " + quote("/"+strings.Join(at, "/")) // a JSON pointer, RFC 6901
	}
	return &Violation{In: in, Detail: subject + " " + reason(e.ErrorKind), Rule: rule(e)}
}

// leaf is the first of what an error comes down to.
func leaf(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	for len(e.Causes) > 0 {
		e = e.Causes[0]
	}
	return e
}

// rule is the place in the contract of what refused.
func rule(e *jsonschema.ValidationError) string {
	_, place, _ := strings.Cut(e.SchemaURL, "#")
	return strings.Join(append([]string{place}, e.ErrorKind.KeywordPath()...), "/")
}

// reason is in words of ours: the library's quote the value.
func reason(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Required:
		return "lacks " + quote(k.Missing[0])
	case *kind.AdditionalProperties:
		return "has the unknown field " + quote(k.Properties[0])
	case *kind.Type:
		return fmt.Sprintf("must be of type %s, not %s", strings.Join(k.Want, " or "), k.Got)
	case *kind.Enum:
		return fmt.Sprintf("must be one of %v", k.Want)
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %d characters", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters", k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %d elements", k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %d elements", k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("must have at most %d fields", k.Want)
	case *kind.Minimum:
		return "must be at least " + k.Want.RatString()
	case *kind.Maximum:
		return "must be at most " + k.Want.RatString()
	case *kind.Pattern:
		return "must match " + k.Want
	case *kind.Format:
		return "must be a " + k.Want
	}
	return "doesn't fit the contract"
}

// quote shows a name that the client chose, harmless and short.
func quote(name string) string {
	const most = 80
	if len(name) > most {
		name = name[:most]
	}
	return strconv.QuoteToASCII(name)
}
