package shed

import "time"

// Pace is pace, for simulations.
type Pace struct{ p pace }

func NewPace(cfg Config) *Pace { return &Pace{newPace(cfg)} }

func (p *Pace) Limit() int { return p.p.limit() }

func (p *Pace) Done(kind string, took time.Duration, busy int, wanted bool, now time.Time) {
	p.p.wanted = p.p.wanted || wanted
	p.p.done(kind, took, busy, now)
}

// Waiting is how many requests wait; Known, how many clients are remembered.
func (l *Limiter) Waiting() int { l.mu.Lock(); defer l.mu.Unlock(); return l.waiting }
func (l *Limiter) Known() int   { l.mu.Lock(); defer l.mu.Unlock(); return len(l.clients) + len(l.next) }
