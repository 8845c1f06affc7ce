package servertiming

import (
	"bytes"
	"strconv"
	"time"
)

const (
	// Field is the name of the header or trailer field, Metadata that of the gRPC trailer.
	Field    = "Server-Timing"
	Metadata = "server-timing"
	// Scope is the OAuth scope of those who get the ledger.
	Scope = "bench"
	// MaxSize bounds a field's value. net/http reads no trailer section that is longer than its buffer, 4 KiB.
	MaxSize = 3800

	maxParts = 48 // of one hop; what is beyond goes into Other
	maxCalls = 64
	maxDepth = 8 // calls behind calls
	maxName  = 64
	maxText  = 128
	// reserve is kept free for the calls that are still to come, so that they are at least named.
	reserve = 64
)

// Other is the part that stands for those for which there was no room.
const Other = "other"

// Text encodes the tree:
//
//	hop;dur=3.1042;desc="ingestion POST /v1/documents";in=0      the process that answers
//	app.policy;dur=0.0312;in=0                                   a part of it; n=2 says that it is a sum of two
//	hop;dur=0.9011;desc="payments POST ...";at=0.31;wait=1.2;in=0.0   its first call, by the caller (at, wait) and the callee
//	call;dur=1.3;desc="payments";at=0.31;in=0.1                  one whose callee said nothing
//	truncated                                                    there was more
//
// Times are milliseconds, as the standard wants, with four decimals; in is the hop's place in the tree. A name that is
// no token is written as a part's desc. The value is at most MaxSize long.
func (h *Hop) Text() string { return h.Closed("", func() time.Duration { return h.Total }) }

// Closed is Text for a hop whose time isn't over: total is asked for when all else is written, and what it says beyond
// h.Total is entered as the named part: the time that writing took.
func (h *Hop) Closed(part string, total func() time.Duration) string {
	place := []byte("0")
	rest := encoder{b: make([]byte, 0, 2048), before: headSize, truncated: h.Truncated}
	rest.body(h, place, MaxSize-len(", truncated"))
	if rest.truncated {
		rest.b = append(rest.separate(), "truncated"...)
	}
	closed := *h
	closed.Total = total()
	head := encoder{b: make([]byte, 0, headSize+len(rest.b))}
	head.head(&closed, Call{}, place)
	if part != "" {
		head.part(Part{part, 1, closed.Total - h.Total}, place)
	}
	if len(rest.b) > 0 {
		head.b = append(head.separate(), rest.b...)
	}
	return string(head.b)
}

// headSize is more than the root's own metric takes, and the part that is written last.
const headSize = maxText + 2*maxName

type encoder struct {
	b         []byte
	before    int // what else will be in the value
	truncated bool
}

func (e *encoder) size() int { return e.before + len(e.b) }

func (e *encoder) head(h *Hop, caller Call, place []byte) {
	e.metric("hop", h.Total)
	e.text(h.Service + " " + h.Route)
	if len(place) > 1 {
		e.time("at", caller.At)
		e.time("wait", caller.Wait)
	}
	e.place(place)
}

// body appends what is behind a hop's own metric, and tells whether it fit.
func (e *encoder) body(h *Hop, place []byte, limit int) bool {
	for _, p := range folded(h.Parts) {
		before := len(e.b)
		if e.part(p, place); e.size() <= limit {
			continue
		}
		if len(place) > 1 {
			return false
		}
		e.b, e.truncated = e.b[:before], true
	}
	if e.size() > limit {
		return false
	}
	for i, c := range h.Calls[:min(len(h.Calls), maxCalls)] {
		e.call(c, append(append(place[:len(place):len(place)], '.'), strconv.Itoa(i)...), limit-reserve*(min(len(h.Calls), maxCalls)-1-i))
	}
	e.truncated = e.truncated || len(h.Calls) > maxCalls || h.Truncated
	return true
}

// call appends a call with what lies behind it, or, where that doesn't fit, without, or not at all.
func (e *encoder) call(c Call, place []byte, limit int) {
	before := len(e.b)
	if bytes.Count(place, []byte(".")) >= maxDepth {
		e.truncated = true
		return
	}
	if c.Hop != nil {
		if e.head(c.Hop, c, place); e.body(c.Hop, place, limit) {
			return
		}
	}
	e.b, e.truncated = e.b[:before], e.truncated || c.Hop != nil
	e.metric("call", c.Wait)
	e.text(c.Service)
	e.time("at", c.At)
	e.place(place)
	if e.size() > limit {
		e.b, e.truncated = e.b[:before], true
	}
}

func (e *encoder) part(p Part, place []byte) {
	if token(p.Name) && !reserved(p.Name) {
		e.metric(p.Name, p.Time)
	} else {
		e.metric("part", p.Time)
		e.text(p.Name)
	}
	if p.Count != 1 {
		e.b = strconv.AppendInt(append(e.b, ";n="...), int64(p.Count), 10)
	}
	e.place(place)
}

func folded(parts []Part) []Part {
	if len(parts) <= maxParts {
		return parts
	}
	kept := append([]Part(nil), parts[:maxParts-1]...)
	other := Part{Name: Other}
	for _, p := range parts[maxParts-1:] {
		other.Count += p.Count
		other.Time += p.Time
	}
	return append(kept, other)
}

func (e *encoder) separate() []byte {
	if len(e.b) == 0 {
		return e.b
	}
	return append(e.b, ", "...)
}

func (e *encoder) metric(name string, d time.Duration) {
	e.b = append(e.separate(), name...)
	e.time("dur", d)
}

func (e *encoder) place(place []byte) { e.b = append(append(e.b, ";in="...), place...) }

// text appends a description, without what a quoted-string or a terminal would stumble over.
func (e *encoder) text(s string) {
	e.b = append(e.b, `;desc="`...)
	for i := range min(len(s), maxText) {
		if c := s[i]; c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			e.b = append(e.b, c)
		} else {
			e.b = append(e.b, '_')
		}
	}
	e.b = append(e.b, '"')
}

// unit is the resolution: a ten-thousandth of a millisecond.
const unit = 100 * time.Nanosecond

func (e *encoder) time(name string, d time.Duration) {
	e.b = append(append(append(e.b, ';'), name...), '=')
	n := int64(max(0, d) / unit)
	e.b = strconv.AppendInt(e.b, n/10_000, 10)
	if n %= 10_000; n == 0 {
		return
	}
	digits := [5]byte{'.', byte('0' + n/1000), byte('0' + n/100%10), byte('0' + n/10%10), byte('0' + n%10)}
	last := 4
	for digits[last] == '0' {
		last--
	}
	e.b = append(e.b, digits[:last+1]...)
}

// token tells whether a name is RFC 9110's token, and short.
func token(s string) bool {
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

func tokenByte(c byte) bool {
	switch {
	case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}

// reserved are the names that stand for something else.
func reserved(name string) bool {
	return name == "hop" || name == "call" || name == "part" || name == "truncated"
}
