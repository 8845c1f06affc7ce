package strictjson

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escaped reads a string that begins at begin and has its first escape at first.
func (r *reader) escaped(begin, first int) (string, error) {
	if hasControl(r.text[begin:first]) {
		return "", r.bad("a text has a control character that isn't escaped")
	}
	r.at = first
	text := append(make([]byte, 0, first-begin+64), r.text[begin:first]...)
	for r.at < len(r.text) {
		c := r.text[r.at]
		switch {
		case c == '"':
			if !utf8.Valid(text) {
				return "", &Error{begin, "a text is not UTF-8"}
			}
			r.at++
			return string(text), nil
		case c < ' ':
			return "", r.bad("a text has a control character that isn't escaped")
		case c != '\\':
			text = append(text, c)
			r.at++
			continue
		}
		r.at++
		if short := escapes[r.next()]; short != 0 {
			text = append(text, short)
			r.at++
			continue
		}
		if r.next() != 'u' {
			return "", r.bad("a text has an escape that doesn't exist")
		}
		char, err := r.unicode()
		if err != nil {
			return "", err
		}
		text = utf8.AppendRune(text, char)
	}
	return "", r.bad("a text has no end")
}

// unicode reads one character from uXXXX, or from a surrogate pair of them.
func (r *reader) unicode() (rune, error) {
	char, ok := r.unit()
	switch {
	case !ok:
		return 0, r.bad("a text has an escape that doesn't exist")
	case char == 0:
		return 0, r.bad("a text has the character U+0000")
	case !utf16.IsSurrogate(char):
		return char, nil
	}
	if r.next() == '\\' {
		r.at++
		if low, ok := r.unit(); ok {
			if pair := utf16.DecodeRune(char, low); pair != utf8.RuneError {
				return pair, nil
			}
		}
	}
	return 0, r.bad("a text has half a surrogate pair")
}

// unit reads uXXXX.
func (r *reader) unit() (rune, bool) {
	if r.next() != 'u' || r.at+5 > len(r.text) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(r.text[r.at+1:r.at+5]), 16, 16)
	r.at += 5
	return rune(n), err == nil
}
