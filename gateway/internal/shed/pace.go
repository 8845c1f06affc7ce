package shed

import "time"

// The limit goes by additive increase, multiplicative decrease, as TCP's window does (RFC 5681): up while requests wait
// and work goes nearly as fast as when it was quiet, down when most works take half as long again. Most, because overload
// slows everything: a few that take very long wait for something that hangs, and a lower limit would only have the others wait
// for them. And only when the limit is used at least by half, which is one client's share: else it isn't our load that slows
// us (Netflix' concurrency-limits leaves the limit alone then, too).
const (
	window     = 100 * time.Millisecond // how often the limit may change
	samples    = 8                      // and by how many works at least
	slow       = 1.5                    // times as long as when quiet
	decrease   = 0.8
	smoothing  = 0.05 // of a kind's quiet time: some tens of works
	startTimes = 4    // the limit begins at so many times its minimum
)

// pace finds the limit by how long works take.
type pace struct {
	cfg    Config
	at     float64
	quiet  map[string]float64 // kind -> seconds that it takes when hardly anything else is in work
	wanted bool               // somebody had to wait within this window

	began   time.Time
	n, late int // works of the window, and those that took too long
	most    int // in work at once
}

func newPace(cfg Config) pace {
	return pace{cfg: cfg, at: min(float64(cfg.Max), startTimes*float64(cfg.Min)), quiet: map[string]float64{}}
}

func (p *pace) limit() int { return int(p.at) }

// done enters one work that ended while busy works, itself among them, were going on.
func (p *pace) done(kind string, took time.Duration, busy int, now time.Time) {
	if p.cfg.Min == p.cfg.Max {
		return
	}
	seconds := took.Seconds()
	quiet, known := p.quiet[kind]
	switch {
	case !known:
		quiet = seconds
	case 2*busy <= p.cfg.Min || seconds < quiet: // load makes nothing faster
		quiet += smoothing * (seconds - quiet)
	}
	p.quiet[kind] = quiet
	p.n++
	if seconds > slow*quiet {
		p.late++
	}
	p.most = max(p.most, busy)
	if p.began.IsZero() {
		p.began = now
	}
	if p.n < samples || now.Sub(p.began) < window {
		return
	}
	switch {
	case 2*p.late > p.n:
		if 2*p.most >= p.limit() {
			p.at = max(float64(p.cfg.Min), p.at*decrease)
		}
	case p.wanted:
		p.at = min(float64(p.cfg.Max), p.at+1)
	}
	p.began, p.n, p.late, p.most, p.wanted = now, 0, 0, 0, false
}
