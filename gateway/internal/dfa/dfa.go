// Package dfa tells whether a text matches any of many regular expressions, in one pass over it: a deterministic
// automaton made of regexp/syntax's own programs, built as texts need it (as RE2 does). Each expression means what it
// means to package regexp, which takes a hundred times as long for a long alternation.
package dfa

import (
	"fmt"
	"regexp/syntax"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

const (
	// maxStates bounds the memory of a set: beyond, it begins anew.
	maxStates = 8192
	// maxFresh bounds the states that one text may add, so that nobody can make a set spend its time on building.
	maxFresh = 64
)

// Set is an automaton for some expressions. It is safe for concurrent use.
type Set struct {
	classes classes
	bytes   bool // each byte counts as the character of its number
	start   atomic.Pointer[state]
	hit     *state // a match was found; nothing after it matters

	mu      sync.Mutex // builds states
	builder builder
	states  map[string]*state
}

// state is what is known after some text: where each expression stands, and what the last character was.
type state struct {
	threads []uint32 // instructions that take a character or a look at one, in order
	before  rune     // what EmptyOpContext has to know of the last character
	next    []atomic.Pointer[state]
}

// New makes an automaton of expressions in regexp's syntax.
func New(expressions ...string) (*Set, error) { return compile(false, expressions) }

// NewBytes makes one that takes a text for bytes, not UTF-8: \xe9 in an expression is that byte.
func NewBytes(expressions ...string) (*Set, error) { return compile(true, expressions) }

func compile(bytes bool, expressions []string) (*Set, error) {
	either := &syntax.Regexp{Op: syntax.OpAlternate}
	for _, e := range expressions {
		parsed, err := syntax.Parse(e, syntax.Perl)
		if err != nil {
			return nil, fmt.Errorf("parse %q: %w", e, err)
		}
		either.Sub = append(either.Sub, parsed)
	}
	program, err := syntax.Compile(either.Simplify())
	if err != nil {
		return nil, err
	}
	s := &Set{classes: classesOf(program), bytes: bytes, hit: &state{}, states: map[string]*state{}}
	s.builder = newBuilder(program, &s.classes)
	s.start.Store(s.builder.state(nil, beginning))
	return s, nil
}

// Match tells whether an expression matches somewhere in the text. known is false when the text asks for more states
// than one text may add: then ask package regexp, or again.
func (s *Set) Match(text string) (matched, known bool) {
	at, fresh := s.start.Load(), maxFresh
	for i := 0; i < len(text); {
		var class int
		if c := text[i]; c < utf8.RuneSelf || s.bytes {
			class = int(s.classes.low[c])
			i++
		} else {
			r, width := utf8.DecodeRuneInString(text[i:]) // one that isn't UTF-8 counts as U+FFFD, as in package regexp
			class = s.classes.of(r)
			i += width
		}
		next := at.next[class].Load()
		if next == nil {
			if fresh--; fresh < 0 {
				return false, false
			}
			next = s.build(at, class)
		}
		if next == s.hit {
			return true, true
		}
		at = next
	}
	end := s.classes.end()
	next := at.next[end].Load()
	if next == nil {
		next = s.build(at, end)
	}
	return next == s.hit, true
}

// States is how many the automaton has so far.
func (s *Set) States() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.states)
}

// build finds the state that follows one when a character of the class comes.
func (s *Set) build(from *state, class int) *state {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next := from.next[class].Load(); next != nil {
		return next
	}
	threads, found := s.builder.step(from, class)
	next := s.hit
	if !found {
		before := context(s.classes.first(class))
		key := s.builder.key(threads, before)
		if next = s.states[key]; next == nil {
			if len(s.states) >= maxStates {
				s.states = map[string]*state{}
				s.start.Store(s.builder.state(nil, beginning))
			}
			next = s.builder.state(threads, before)
			s.states[key] = next
		}
	}
	from.next[class].Store(next)
	return next
}
