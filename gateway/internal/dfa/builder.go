package dfa

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"sync/atomic"
)

// beginning is the last character where there is none yet.
const beginning rune = -1

// context reduces a character to what EmptyOpContext tells apart.
func context(r rune) rune {
	switch {
	case r < 0, r == '\n':
		return r
	case syntax.IsWordChar(r):
		return 'a'
	}
	return ' '
}

// builder works out states. It is used by one goroutine at a time.
type builder struct {
	program *syntax.Prog
	classes *classes
	starts  map[startKey]steps // where the program's begin leads: tried at each character, so worked out once
	stack   []uint32
	seen    marks // instructions that the closure over the next character's context has passed
	reached marks // instructions after the character
}

type startKey struct {
	before rune
	class  int
}

// steps are the instructions that wait after a character, or a match before it or with it.
type steps struct {
	threads []uint32
	found   bool
}

func newBuilder(p *syntax.Prog, c *classes) builder {
	return builder{program: p, classes: c, starts: map[startKey]steps{}, seen: newMarks(len(p.Inst)), reached: newMarks(len(p.Inst))}
}

func (b *builder) state(threads []uint32, before rune) *state {
	return &state{threads: slices.Clone(threads), before: before, next: make([]atomic.Pointer[state], b.classes.end()+1)}
}

func (b *builder) key(threads []uint32, before rune) string {
	key := binary.AppendVarint(make([]byte, 0, 4*len(threads)+2), int64(before))
	for _, t := range threads {
		key = binary.AppendUvarint(key, uint64(t))
	}
	return string(key)
}

// step returns the threads after a character of the class, the program's begin tried before it included.
func (b *builder) step(from *state, class int) (threads []uint32, found bool) {
	at := startKey{from.before, class}
	start, ok := b.starts[at]
	if !ok {
		start = b.advance([]uint32{uint32(b.program.Start)}, from.before, class)
		b.starts[at] = start
	}
	if start.found {
		return nil, true
	}
	after := b.advance(from.threads, from.before, class)
	if after.found {
		return nil, true
	}
	return slices.Compact(sorted(append(after.threads, start.threads...))), false
}

// advance moves threads over a character of the class.
func (b *builder) advance(threads []uint32, before rune, class int) (to steps) {
	r := b.classes.first(class)
	around := syntax.EmptyOpContext(before, r)
	b.seen.clear()
	b.reached.clear()
	for _, t := range threads {
		if b.close(&b.seen, t, func(need syntax.EmptyOp) bool { return need&^around == 0 }) {
			return steps{found: true}
		}
	}
	if r < 0 {
		return to
	}
	for _, at := range b.seen.list {
		if in := &b.program.Inst[at]; takes(in.Op) && in.MatchRune(r) {
			if b.close(&b.reached, in.Out, func(syntax.EmptyOp) bool { return false }) {
				return steps{found: true}
			}
		}
	}
	for _, at := range b.reached.list {
		if op := b.program.Inst[at].Op; takes(op) || op == syntax.InstEmptyWidth {
			to.threads = append(to.threads, at)
		}
	}
	return to
}

// close marks what can be reached from an instruction without taking a character, and tells whether a match can be.
func (b *builder) close(in *marks, from uint32, holds func(syntax.EmptyOp) bool) (found bool) {
	b.stack = append(b.stack[:0], from)
	for len(b.stack) > 0 {
		at := b.stack[len(b.stack)-1]
		b.stack = b.stack[:len(b.stack)-1]
		if !in.add(at) {
			continue
		}
		switch i := &b.program.Inst[at]; i.Op {
		case syntax.InstMatch:
			return true
		case syntax.InstAlt, syntax.InstAltMatch:
			b.stack = append(b.stack, i.Out, i.Arg)
		case syntax.InstCapture, syntax.InstNop:
			b.stack = append(b.stack, i.Out)
		case syntax.InstEmptyWidth:
			if holds(syntax.EmptyOp(i.Arg)) {
				b.stack = append(b.stack, i.Out)
			}
		}
	}
	return false
}

func takes(op syntax.InstOp) bool {
	return op == syntax.InstRune || op == syntax.InstRune1 || op == syntax.InstRuneAny || op == syntax.InstRuneAnyNotNL
}

func sorted(list []uint32) []uint32 {
	slices.Sort(list)
	return list
}

// marks is a set of instructions that is emptied at no cost (Briggs and Torczon 1993).
type marks struct {
	place []uint32
	list  []uint32
}

func newMarks(n int) marks { return marks{place: make([]uint32, n)} }

func (m *marks) clear() { m.list = m.list[:0] }

// add tells whether the instruction is new.
func (m *marks) add(at uint32) bool {
	if p := m.place[at]; int(p) < len(m.list) && m.list[p] == at {
		return false
	}
	m.place[at] = uint32(len(m.list))
	m.list = append(m.list, at)
	return true
}
