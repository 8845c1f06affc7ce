package dfa

import (
	"regexp/syntax"
	"slices"
	"sort"
	"unicode"
)

// classes divide all characters into those that no instruction of a program tells apart.
type classes struct {
	low  [256]uint16 // the classes of the first characters
	from []rune      // the first character of each class's range
}

func classesOf(p *syntax.Prog) classes {
	// What EmptyOpContext tells apart: a new line, and what \b takes for a word's characters.
	cuts := []rune{0, '\n', '\n' + 1, '0', '9' + 1, 'A', 'Z' + 1, '_', '_' + 1, 'a', 'z' + 1}
	for _, in := range p.Inst {
		switch {
		case in.Op != syntax.InstRune && in.Op != syntax.InstRune1:
		case len(in.Rune) == 1:
			r := in.Rune[0]
			cuts = append(cuts, r, r+1)
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				cuts = append(cuts, f, f+1)
			}
		default:
			for i := 0; i+1 < len(in.Rune); i += 2 {
				cuts = append(cuts, in.Rune[i], in.Rune[i+1]+1)
			}
		}
	}
	slices.Sort(cuts)
	c := classes{from: slices.Compact(cuts)}
	for r := range c.low {
		c.low[r] = uint16(c.of(rune(r)))
	}
	return c
}

// of returns the class of a character.
func (c *classes) of(r rune) int {
	return sort.Search(len(c.from), func(i int) bool { return c.from[i] > r }) - 1
}

// end is the class of the text's end.
func (c *classes) end() int { return len(c.from) }

// first returns a character of the class; of the end, -1 as EmptyOpContext wants it.
func (c *classes) first(class int) rune {
	if class == c.end() {
		return -1
	}
	return c.from[class]
}
