package page

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// sheet gathers the styles of a page's plots as classes: a page that allows no inline style can say so in its policy,
// and colours follow the reader's theme.
type sheet struct {
	rules []string
}

func (s *sheet) class(style string) string {
	for _, i := range inks {
		style = strings.ReplaceAll(style, i.standIn(), "var(--"+i.name+")")
	}
	style = strings.ReplaceAll(style, "font-family:Liberation Sans", `font-family:"Liberation Sans",Arial,Helvetica,sans-serif`)
	style = strings.ReplaceAll(style, ";font-variant:normal;font-weight:normal;font-style:normal", "")
	i := slices.Index(s.rules, style)
	if i < 0 {
		i, s.rules = len(s.rules), append(s.rules, style)
	}
	return fmt.Sprintf("s%d", i)
}

func (s *sheet) css() string {
	var out strings.Builder
	for i, rule := range s.rules {
		fmt.Fprintf(&out, ".s%d{%s}\n", i, rule)
	}
	return out.String()
}

// inline makes of an SVG file an element of the page: no fixed size, styles in the sheet, and a name for who can't see.
func (s *sheet) inline(svg []byte, class, label string) (string, error) {
	var out bytes.Buffer
	dec := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return out.String(), nil
		}
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.StartElement:
			fmt.Fprintf(&out, "<%s", t.Name.Local)
			if t.Name.Local == "svg" {
				attribute(&out, "class", class)
				attribute(&out, "role", "img")
				attribute(&out, "aria-label", label)
			}
			for _, a := range t.Attr {
				switch a.Name.Local {
				case "style":
					attribute(&out, "class", s.class(strings.TrimSpace(a.Value)))
				case "viewBox", "d", "x", "y", "transform":
					attribute(&out, a.Name.Local, a.Value)
				}
			}
			out.WriteByte('>')
		case xml.EndElement:
			fmt.Fprintf(&out, "</%s>", t.Name.Local)
		case xml.CharData:
			if err := xml.EscapeText(&out, bytes.TrimSpace(t)); err != nil {
				return "", err
			}
		}
	}
}

func attribute(out *bytes.Buffer, name, value string) {
	fmt.Fprintf(out, ` %s="`, name)
	_ = xml.EscapeText(out, []byte(value)) // a buffer takes everything
	out.WriteByte('"')
}
