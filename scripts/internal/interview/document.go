package interview

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"redoubt.example/scripts/internal/term"
)

// document writes the same as text or as Markdown.
type document struct {
	w        io.Writer
	markdown bool
	err      error
}

func (d *document) print(format string, args ...any) {
	if d.err == nil {
		_, d.err = fmt.Fprintf(d.w, format, args...)
	}
}

func (d *document) title(text string) {
	if d.markdown {
		d.print("# %s\n", text)
		return
	}
	rule := strings.Repeat("=", term.Width)
	d.print("%s\n%s\n%s\n", rule, fold(text, "", ""), rule)
}

func (d *document) heading(text string) {
	if d.markdown {
		d.print("\n## %s\n", text)
		return
	}
	d.print("\n%s\n%s\n", text, strings.Repeat("-", min(utf8.RuneCountInString(text), term.Width)))
}

func (d *document) say(format string, args ...any) {
	d.print("\n%s\n", fold(fmt.Sprintf(format, args...), "", ""))
}

func (d *document) item(text string) { d.print("\n%s\n", fold(text, "- ", "  ")) }

func (d *document) under(label, text string) {
	if d.markdown {
		d.print("%s\n", fold("*"+label+"*: "+text, "  - ", "    "))
		return
	}
	d.print("%s\n", fold(text, fmt.Sprintf("  %-14s ", label), strings.Repeat(" ", 17)))
}

// fold breaks a text into lines of term.Width; the first begins with first, the others with rest.
func fold(text, first, rest string) string {
	var out strings.Builder
	line := first
	begun := false
	for _, word := range strings.Fields(text) {
		switch {
		case !begun:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > term.Width:
			out.WriteString(line + "\n")
			line = rest + word
		default:
			line += " " + word
		}
		begun = true
	}
	return out.String() + line
}
