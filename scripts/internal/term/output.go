package term

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// Output is where a verb's result goes, as its global flags say.
type Output struct {
	Out    io.Writer
	JSON   bool   // JSON instead of what people read
	File   string // JSON goes there too; "" for none
	Colour bool
}

// Colour tells whether a file is a terminal that shows colour (https://no-color.org).
func Colour(file *os.File) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}

// Print writes a verb's result: value as JSON, or what people prints.
func (o Output) Print(value any, people func(w io.Writer) error) error {
	if o.JSON || o.File != "" {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false) // "a -> b" stays readable
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(value); err != nil {
			return err
		}
		raw := text.Bytes()
		if o.File != "" {
			if err := os.WriteFile(o.File, raw, 0o600); err != nil { // a token may be in it
				return fmt.Errorf("write the result: %w", err)
			}
		}
		if o.JSON {
			_, err := o.Out.Write(raw)
			return err
		}
	}
	return people(o.Out)
}

// Table is Print for a single table.
func (o Output) Table(value any, t *Table) error {
	return o.Print(value, func(w io.Writer) error { return t.Write(w, o.Colour) })
}

// Paint colours a piece of text where colour shows.
func (o Output) Paint(text string, style Style) string { return paint(text, style, o.Colour) }
