// Package render makes the page of package docs out of the contract: `go test ./internal/docs/render -update`, in the gateway's
// folder, after openapi.yaml has changed.
package render

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"redoubt.example/gateway/internal/contract"
	"redoubt.example/gateway/internal/docs"
)

//go:embed page.html.tmpl
var pageText string

// Page is the contract as HTML.
func Page(c *contract.Contract) ([]byte, error) {
	page, err := template.New("page").Funcs(template.FuncMap{
		"type": typeOf, "bounds": bounds, "name": refName, "json": indented, "paragraphs": paragraphs, "fields": fields, "media": media,
	}).Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("parse the documentation's page: %w", err)
	}
	var out bytes.Buffer
	err = page.Execute(&out, map[string]any{"Contract": c, "Style": template.CSS(docs.Style())}) //nolint:gosec // ours
	if err != nil {
		return nil, fmt.Errorf("render the documentation: %w", err)
	}
	return out.Bytes(), nil
}

// refName is the schema's name where it has one of its own.
func refName(ref *openapi3.SchemaRef) string {
	if ref == nil {
		return ""
	}
	name, _ := strings.CutPrefix(ref.Ref, "#/components/schemas/")
	return name
}

func typeOf(ref *openapi3.SchemaRef) string {
	s := ref.Value
	switch {
	case len(s.OneOf) > 0:
		return "one of several"
	case s.Type == nil:
		return "any"
	case s.Type.Is("array"):
		if name := refName(s.Items); name != "" {
			return "list of " + name
		}
		return "list of " + typeOf(s.Items)
	case s.Format != "":
		return s.Format
	}
	return strings.Join(s.Type.Slice(), " or ")
}

// bounds says what a value may be, beyond its type.
func bounds(ref *openapi3.SchemaRef) string {
	var parts []string
	s := ref.Value
	say := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if s.MinLength > 0 || s.MaxLength != nil {
		say("%s characters", span(s.MinLength, s.MaxLength))
	}
	if s.MinItems > 0 || s.MaxItems != nil {
		say("%s elements", span(s.MinItems, s.MaxItems))
	}
	if s.MaxProps != nil {
		say("at most %d fields", *s.MaxProps)
	}
	if s.Min != nil {
		say("from %s", strconv.FormatFloat(*s.Min, 'f', -1, 64))
	}
	if s.Max != nil {
		say("up to %s", strconv.FormatFloat(*s.Max, 'f', -1, 64))
	}
	if len(s.Enum) > 0 {
		say("one of %v", s.Enum)
	}
	if s.Pattern != "" {
		say("matches %s", s.Pattern)
	}
	return strings.Join(parts, ", ")
}

func span(least uint64, most *uint64) string {
	switch {
	case most == nil:
		return fmt.Sprintf("at least %d", least)
	case least == *most:
		return strconv.FormatUint(least, 10)
	}
	return fmt.Sprintf("%d to %d", least, *most)
}

type field struct {
	Name     string
	Schema   *openapi3.SchemaRef
	Required bool
}

// fields are an object's, the required ones first.
func fields(ref *openapi3.SchemaRef) (out []field) {
	s := ref.Value
	for _, name := range s.Required {
		if p := s.Properties[name]; p != nil {
			out = append(out, field{name, p, true})
		}
	}
	for _, name := range sorted(s.Properties) {
		if !contains(s.Required, name) {
			out = append(out, field{name, s.Properties[name], false})
		}
	}
	return out
}

type content struct {
	Type     string
	Schema   *openapi3.SchemaRef
	Examples []any
}

// media are a body's types with their examples.
func media(c openapi3.Content) (out []content) {
	for _, name := range sorted(c) {
		one := content{Type: name, Schema: c[name].Schema}
		for _, key := range sorted(c[name].Examples) {
			one.Examples = append(one.Examples, c[name].Examples[key].Value.Value)
		}
		out = append(out, one)
	}
	return out
}

func indented(v any) (string, error) {
	if text, ok := v.(string); ok {
		return text, nil
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // the template escapes
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return out.String(), err
}

func paragraphs(text string) []string { return strings.Split(strings.TrimSpace(text), "\n\n") }
