package waf

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Mode is what becomes of a request that the rules would block.
type Mode string

const (
	Off    Mode = "off"    // it isn't inspected
	Detect Mode = "detect" // it is recorded, and goes on
	Block  Mode = "block"  // it is recorded and refused
)

// Setting is how one route is inspected.
type Setting struct {
	Mode  Mode
	Level int // paranoia level, 1 to 4
}

// Policy is how every route is inspected.
type Policy struct {
	Default Setting
	Routes  map[string]Setting
	// MaxBody is the longest body that is inspected, in bytes; 0: any is. The rules' time grows with every byte.
	MaxBody int
}

// ParsePolicy reads a policy: a mode, a level, and exceptions like "POST /v1/documents=detect" or
// "GET /v1/documents=block:2".
func ParsePolicy(mode string, level int, exceptions []string) (p Policy, err error) {
	if p.Default, err = setting(mode, level); err != nil {
		return p, err
	}
	p.Routes = map[string]Setting{}
	for _, e := range exceptions {
		route, how, ok := strings.Cut(strings.TrimSpace(e), "=")
		if !ok || !strings.Contains(route, " /") {
			return p, fmt.Errorf("%q isn't of the form METHOD /path=mode", e)
		}
		mode, number, hasLevel := strings.Cut(how, ":")
		at := level
		if hasLevel {
			if at, err = strconv.Atoi(number); err != nil {
				return p, fmt.Errorf("%q: %q is no paranoia level", e, number)
			}
		}
		if p.Routes[route], err = setting(mode, at); err != nil {
			return p, fmt.Errorf("%q: %w", e, err)
		}
	}
	return p, nil
}

func setting(mode string, level int) (Setting, error) {
	if !slices.Contains([]Mode{Off, Detect, Block}, Mode(mode)) {
		return Setting{}, fmt.Errorf("there is no mode %q: it is off, detect or block", mode)
	}
	if level < 1 || level > Levels {
		return Setting{}, levelError(level)
	}
	return Setting{Mode(mode), level}, nil
}

func levelError(level int) error {
	return fmt.Errorf("the Core Rule Set has paranoia levels 1 to %d, not %d", Levels, level)
}

// Guard inspects each route's requests as the policy wants it.
type Guard struct {
	policy  Policy
	engines [Levels + 1]*Engine
}

// Load makes the engines that a policy needs, at the same time.
func Load(p Policy) (*Guard, error) {
	g := &Guard{policy: p}
	type loaded struct {
		*Engine
		level int
		err   error
	}
	done := make(chan loaded)
	started := map[int]bool{}
	for s := range maps.Values(p.Routes) {
		started[s.Level] = started[s.Level] || s.Mode != Off
	}
	started[p.Default.Level] = started[p.Default.Level] || p.Default.Mode != Off
	waiting := 0
	for level, needed := range started {
		if needed {
			waiting++
			go func() { e, err := New(level); done <- loaded{e, level, err} }()
		}
	}
	var err error
	for range waiting {
		l := <-done
		g.engines[l.level] = l.Engine
		if l.err != nil {
			err = l.err
		}
	}
	return g, err
}

// Of returns how a route's requests are inspected.
func (g *Guard) Of(route string) Setting {
	if s, ok := g.policy.Routes[route]; ok {
		return s
	}
	return g.policy.Default
}

// Inspects tells whether a body of this length is inspected.
func (g *Guard) Inspects(length int) bool { return g.policy.MaxBody == 0 || length <= g.policy.MaxBody }

// Routes are those that the policy makes exceptions for.
func (g *Guard) Routes() []string { return slices.Sorted(maps.Keys(g.policy.Routes)) }

// Inspect returns the verdict at a level that the policy names.
func (g *Guard) Inspect(level int, r Request) (Verdict, error) { return g.engines[level].Inspect(r) }
