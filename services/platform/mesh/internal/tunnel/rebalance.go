package tunnel

import (
	"slices"
	"time"
)

// use lets s run over c. The stream's end gives the connection back, and says how the instance did.
func (s *stream) use(c *Conn) {
	s.remote = c.RemoteAddr()
	s.answering = func() { c.upstream.answered(c.instance); c.client.poke() }
	s.ended = func() { c.upstream.leave(c.instance, s) }
	c.upstream.enter(c.instance, s)
}

// fail gives back a connection that took nothing.
func (c *Conn) fail() {
	_ = c.wire.Close()
	c.upstream.release(c.instance)
	c.upstream.fail(c.instance)
}

// release gives back a connection that wasn't used.
func (c *Conn) release() {
	_ = c.wire.Close()
	c.upstream.release(c.instance)
}

func (u *upstream) enter(i *instance, s *stream) {
	u.mu.Lock()
	defer u.mu.Unlock()
	i.streams[s] = struct{}{}
}

func (u *upstream) answered(i *instance) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answers, i.fails = true, 0
}

func (u *upstream) leave(i *instance, s *stream) {
	u.mu.Lock()
	delete(i.streams, s)
	i.open--
	hangs := u.others(i) && time.Duration(s.waited.Load()) > tooLong
	if hangs {
		u.eject(i, hungEjection)
	}
	u.mu.Unlock()
	if hangs {
		u.desert(time.Now())
	}
}

// others tells whether there is another instance in good standing. The caller holds u.mu.
func (u *upstream) others(than *instance) bool {
	return slices.ContainsFunc(u.instances, func(o *instance) bool { return o != than && o.ejected.IsZero() })
}

// shed has instances give streams away after others have joined them, or come back: what one has more than another ends
// as soon as it is idle, and the app's next connections go to where there are fewest.
func (u *upstream) shed() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.grown {
		return
	}
	u.grown = false
	var able []*instance
	share := map[*instance]int{}
	for _, i := range u.instances {
		if i.ejected.IsZero() {
			able, share[i] = append(able, i), i.open
		}
	}
	if len(able) == 0 {
		return
	}
	byShare := func(a, b *instance) int { return share[a] - share[b] }
	for {
		most, least := slices.MaxFunc(able, byShare), slices.MinFunc(able, byShare)
		if share[most]-share[least] <= 1 {
			break
		}
		share[most]--
		share[least]++
	}
	for _, i := range able {
		excess := i.open - share[i]
		for s := range i.streams {
			if excess <= 0 {
				break
			}
			excess--
			s.retire()
		}
	}
}
