package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Schema is the JSON Schema (draft 2020-12) of a result.
//
//go:embed result.schema.json
var Schema []byte

// maxFile bounds what is read: a result is some hundred kilobytes.
const maxFile = 16 << 20

var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("result.schema.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("result.schema.json")
})

// ReadFile reads the result that a run wrote. The error, in one sentence, names the file and what is wrong with it.
func ReadFile(path string) (Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return Result{}, err
	}
	defer f.Close()
	r, err := Read(f)
	if err != nil {
		return Result{}, fmt.Errorf("%s isn't a result of lab bench: %w", path, err)
	}
	return r, nil
}

// Read takes a result as JSON. It refuses one of another version, and what the schema doesn't allow, in one sentence.
func Read(from io.Reader) (Result, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err != nil {
		return Result{}, err
	}
	if len(text) > maxFile {
		return Result{}, fmt.Errorf("it has more than %d bytes", maxFile)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return Result{}, fmt.Errorf("it isn't JSON: %s", sentence(err))
	}
	object, _ := doc.(map[string]any)
	if version, ok := object["version"].(json.Number); ok && version.String() != fmt.Sprint(Version) {
		return Result{}, fmt.Errorf("it has version %s of the schema, and this lab reads version %d", version, Version)
	}
	schema, err := compiled()
	if err != nil {
		return Result{}, fmt.Errorf("compile the schema: %w", err)
	}
	if err := schema.Validate(doc); err != nil {
		return Result{}, errors.New(violation(err))
	}
	var r Result
	if err := json.Unmarshal(text, &r); err != nil {
		return Result{}, errors.New(sentence(err))
	}
	return r, nil
}

// Write writes the result as JSON, and refuses one that Read would refuse.
func (r Result) Write(to io.Writer) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if _, err := Read(bytes.NewReader(text)); err != nil {
		return fmt.Errorf("the result is not valid: %w", err)
	}
	_, err = to.Write(append(text, '\n'))
	return err
}

// violation is the innermost cause of a schema's complaint: where, and what.
func violation(err error) string {
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		return sentence(err)
	}
	for len(v.Causes) > 0 {
		v = v.Causes[0]
	}
	return fmt.Sprintf("/%s: %s", strings.Join(v.InstanceLocation, "/"),
		sentence(errors.New(v.ErrorKind.LocalizedString(message.NewPrinter(language.English)))))
}

func sentence(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
