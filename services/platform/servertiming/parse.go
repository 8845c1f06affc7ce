package servertiming

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxTime is more than any request takes.
const maxTime = time.Hour

// Parse reads what Text wrote. It comes from the wire: what is too long, malformed, too deep, or says that a callee
// took longer than its caller waited for it, is an error, and nothing of it is returned. Metrics without a place in
// the tree, such as a proxy on the way may add, are left out.
func Parse(value string) (*Hop, error) {
	if len(value) > MaxSize {
		return nil, errors.New("server timing: too long")
	}
	p := parser{rest: value, hops: map[string]*Hop{}}
	for p.rest != "" {
		m, err := p.metric()
		if err == nil {
			err = p.add(m)
		}
		if err != nil {
			return nil, fmt.Errorf("server timing: %w", err)
		}
	}
	root := p.hops["0"]
	if root == nil {
		return nil, errors.New("server timing: no hop")
	}
	root.Truncated = p.truncated
	return root, nil
}

type metric struct {
	name, text, place string
	dur, at, wait     time.Duration
	count             int
}

type parser struct {
	rest      string
	hops      map[string]*Hop
	truncated bool
}

func (p *parser) add(m metric) error {
	if m.place == "" {
		p.truncated = p.truncated || m.name == "truncated"
		return nil
	}
	if m.name == "hop" || m.name == "call" {
		return p.enter(m)
	}
	h := p.hops[m.place]
	if h == nil {
		return fmt.Errorf("%s belongs to no hop", m.name)
	}
	name := m.name
	if name == "part" {
		name = m.text
	}
	if len(h.Parts) == maxParts || name == "" {
		return errors.New("a hop of too many parts, or a part without a name")
	}
	h.Parts = append(h.Parts, Part{name, m.count, m.dur})
	return nil
}

// enter puts a hop or call at its place, the next one of its caller.
func (p *parser) enter(m metric) error {
	service, route, _ := strings.Cut(m.text, " ")
	hop := &Hop{Service: service, Route: route, Total: m.dur}
	if service == "" {
		return errors.New("a hop without a name")
	}
	if m.place == "0" {
		if m.name != "hop" || p.hops["0"] != nil {
			return errors.New("not one root")
		}
		p.hops["0"] = hop
		return nil
	}
	last := strings.LastIndexByte(m.place, '.')
	if last < 0 || strings.Count(m.place, ".") >= maxDepth {
		return errors.New("no place")
	}
	caller := p.hops[m.place[:last]]
	if caller == nil || len(caller.Calls) == maxCalls || m.place[last+1:] != strconv.Itoa(len(caller.Calls)) {
		return errors.New("a call out of order")
	}
	call := Call{Service: service, At: m.at, Wait: m.dur}
	if m.name == "hop" {
		call.Wait, call.Hop = m.wait, hop
		if hop.Total > call.Wait {
			return errors.New("a callee took longer than its caller waited")
		}
		p.hops[m.place] = hop
	}
	caller.Calls = append(caller.Calls, call)
	return nil
}

// metric reads one metric, and the comma behind it.
func (p *parser) metric() (m metric, err error) {
	m.count = 1
	p.space()
	if m.name = p.token(); m.name == "" {
		return m, errors.New("a metric without a name")
	}
	for {
		p.space()
		switch {
		case p.rest == "":
			return m, nil
		case p.take(','):
			if p.space(); p.rest == "" {
				return m, errors.New("ends with a comma")
			}
			return m, nil
		case !p.take(';'):
			return m, errors.New("neither parameter nor metric")
		}
		if err := p.parameter(&m); err != nil {
			return m, err
		}
	}
}

func (p *parser) parameter(m *metric) (err error) {
	p.space()
	name := p.token()
	p.space()
	if name == "" || !p.take('=') {
		return errors.New("a parameter without name or value")
	}
	p.space()
	value, err := p.value()
	if err != nil {
		return err
	}
	switch name {
	case "dur":
		m.dur, err = duration(value)
	case "at":
		m.at, err = duration(value)
	case "wait":
		m.wait, err = duration(value)
	case "desc":
		m.text = value
	case "in":
		m.place = value
	case "n":
		m.count, err = strconv.Atoi(value)
		if err != nil || m.count < 0 || m.count > 1_000_000 || strconv.Itoa(m.count) != value {
			return errors.New("no count")
		}
	}
	return err
}

// value reads a token or a quoted-string of printable ASCII.
func (p *parser) value() (string, error) {
	if !p.take('"') {
		if v := p.token(); v != "" {
			return v, nil
		}
		return "", errors.New("no value")
	}
	end := strings.IndexByte(p.rest, '"')
	if end < 0 || end > maxText {
		return "", errors.New("a text that doesn't end")
	}
	text := p.rest[:end]
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' || text[i] == '\\' {
			return "", errors.New("a character that doesn't belong")
		}
	}
	p.rest = p.rest[end+1:]
	return text, nil
}

func (p *parser) token() string {
	n := 0
	for n < len(p.rest) && n < maxName && tokenByte(p.rest[n]) {
		n++
	}
	text := p.rest[:n]
	p.rest = p.rest[n:]
	return text
}

func (p *parser) take(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t") }

// duration reads milliseconds: digits, and at most four decimals.
func duration(text string) (time.Duration, error) {
	whole, fraction, dotted := strings.Cut(text, ".")
	if len(whole) == 0 || len(whole) > 7 || len(fraction) > 4 || dotted && fraction == "" {
		return 0, fmt.Errorf("%q is no time", text)
	}
	fraction += "0000"[len(fraction):]
	var n time.Duration
	for _, c := range []byte(whole + fraction) {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%q is no time", text)
		}
		n = 10*n + time.Duration(c-'0')
	}
	if n > maxTime/unit {
		return 0, fmt.Errorf("%q is too long a time", text)
	}
	return n * unit, nil
}
