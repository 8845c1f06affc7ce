package topology

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Error is one mistake in a topology file, at the place where it is.
type Error struct {
	Line, Column int // from 1; 0 when the file has no such place
	Reason       string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// find walks down a document: by key in a mapping, by index in a sequence. Where the way ends early it returns
// the last node on it, so that a mistake of omission points at what lacks something.
func find(document *yaml.Node, path ...any) *yaml.Node {
	if len(document.Content) == 0 {
		return nil
	}
	node := document.Content[0]
	for _, step := range path {
		next := child(node, step)
		if next == nil {
			return node
		}
		node = next
	}
	return node
}

func child(node *yaml.Node, step any) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch key := step.(type) {
	case string:
		for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				return node.Content[i+1]
			}
		}
	case int:
		if node.Kind == yaml.SequenceNode && key < len(node.Content) {
			return node.Content[key]
		}
	}
	return nil
}

func at(node *yaml.Node, format string, args ...any) error {
	e := &Error{Reason: fmt.Sprintf(format, args...)}
	if node != nil {
		e.Line, e.Column = node.Line, node.Column
	}
	return e
}

var yamlError = regexp.MustCompile(`^line (\d+): (?s:(.*))$`)
var unknownField = regexp.MustCompile(`^field (\S+) not found`)

// locate adds the column, which the decoder doesn't tell.
func locate(document *yaml.Node, err error) error {
	var wrong *yaml.TypeError
	if !errors.As(err, &wrong) {
		return err
	}
	var all []error
	for _, text := range wrong.Errors {
		m := yamlError.FindStringSubmatch(text)
		if m == nil {
			all = append(all, errors.New(text))
			continue
		}
		line, _ := strconv.Atoi(m[1])
		key := ""
		if f := unknownField.FindStringSubmatch(m[2]); f != nil {
			key = f[1]
		}
		all = append(all, &Error{Line: line, Column: column(document, line, key), Reason: strings.TrimSpace(m[2])})
	}
	return errors.Join(all...)
}

// column finds where on a line a node with the value begins, or else the first node.
func column(node *yaml.Node, line int, value string) int {
	first := 0
	if node.Line == line && node.Kind != yaml.DocumentNode && (value == "" || node.Value == value) {
		return node.Column
	}
	for _, c := range node.Content {
		if found := column(c, line, value); found > 0 && (first == 0 || found < first) {
			first = found
		}
	}
	return first
}
