// Package strictjson reads JSON (RFC 8259) as two programs can't read differently: I-JSON (RFC 7493) without U+0000. What other
// readers let pass or silently repair is refused: a name given twice, text that isn't UTF-8, half a surrogate pair, numbers that
// don't fit. And what costs a reader more than it costs the sender: depth, and very many values.
package strictjson

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

const (
	maxDepth  = 32
	maxValues = 10_000
	maxNumber = 40 // characters
)

// Error says what is wrong, and at which byte. It holds none of the text.
type Error struct {
	Offset int
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (at byte %d)", e.Reason, e.Offset) }

// Decode returns the text's one value: nil, bool, int64, float64, string, []any or map[string]any. The error is an *Error.
func Decode(text []byte) (any, error) {
	r := reader{text: text}
	r.space()
	value, err := r.value(0)
	if err != nil {
		return nil, err
	}
	r.space()
	if r.at < len(text) {
		return nil, r.bad("there is more than one value")
	}
	return value, nil
}

type reader struct {
	text   []byte
	at     int
	values int
}

func (r *reader) bad(reason string) error { return &Error{r.at, reason} }

func (r *reader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// next returns the byte that comes next, 0 at the end; 0 itself is never right.
func (r *reader) next() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *reader) value(depth int) (any, error) {
	if r.values++; r.values > maxValues {
		return nil, r.bad(fmt.Sprintf("there are more than %d values", maxValues))
	}
	switch c := r.next(); {
	case c == '"':
		return r.string()
	case c == '{' || c == '[':
		if depth == maxDepth {
			return nil, r.bad(fmt.Sprintf("it is nested more than %d deep", maxDepth))
		}
		if r.at++; c == '{' {
			return r.object(depth + 1)
		}
		return r.array(depth + 1)
	case c == '-' || isDigit(c):
		return r.number()
	case c == 't':
		return true, r.word("true")
	case c == 'f':
		return false, r.word("false")
	case c == 'n':
		return nil, r.word("null")
	case r.at == len(r.text):
		return nil, r.bad("it ends where a value was expected")
	}
	return nil, r.bad("a value was expected")
}

func (r *reader) word(w string) error {
	if r.at+len(w) > len(r.text) || string(r.text[r.at:r.at+len(w)]) != w {
		return r.bad("a value was expected")
	}
	r.at += len(w)
	return nil
}

func (r *reader) object(depth int) (any, error) {
	members := map[string]any{}
	if r.space(); r.next() == '}' {
		r.at++
		return members, nil
	}
	for {
		if r.space(); r.next() != '"' {
			return nil, r.bad("a name in quotes was expected")
		}
		begin := r.at
		name, err := r.string()
		if err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			return nil, &Error{begin, "a name is given twice in one object"}
		}
		if r.space(); r.next() != ':' {
			return nil, r.bad("a colon was expected")
		}
		r.at++
		r.space()
		if members[name], err = r.value(depth); err != nil {
			return nil, err
		}
		if end, err := r.separator('}'); end || err != nil {
			return members, err
		}
	}
}

func (r *reader) array(depth int) (any, error) {
	elements := []any{}
	if r.space(); r.next() == ']' {
		r.at++
		return elements, nil
	}
	for {
		r.space()
		element, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		elements = append(elements, element)
		if end, err := r.separator(']'); end || err != nil {
			return elements, err
		}
	}
}

// separator reads the comma before another element, or the end.
func (r *reader) separator(end byte) (ended bool, err error) {
	r.space()
	switch r.next() {
	case ',':
		r.at++
		return false, nil
	case end:
		r.at++
		return true, nil
	}
	return false, r.bad("a comma or the end was expected")
}

func (r *reader) string() (string, error) {
	r.at++
	begin := r.at
	length := bytes.IndexByte(r.text[begin:], '"')
	if length < 0 {
		return "", r.bad("a text has no end")
	}
	plain := r.text[begin : begin+length]
	if escape := bytes.IndexByte(plain, '\\'); escape >= 0 {
		return r.escaped(begin, begin+escape)
	}
	if hasControl(plain) {
		return "", r.bad("a text has a control character that isn't escaped")
	}
	if !utf8.Valid(plain) {
		return "", r.bad("a text is not UTF-8")
	}
	r.at = begin + length + 1
	return string(plain), nil
}

// hasControl looks at eight bytes at once: a byte below 32, and none else, leaves its highest bit set.
func hasControl(text []byte) bool {
	for ; len(text) >= 8; text = text[8:] {
		if x := binary.LittleEndian.Uint64(text); (x-0x2020202020202020)&^x&0x8080808080808080 != 0 {
			return true
		}
	}
	for _, c := range text {
		if c < ' ' {
			return true
		}
	}
	return false
}
