package tunnel

import (
	"context"
	"sync"
	"time"
)

// Spares are connections made ahead, so that a new stream pays no handshake.
const (
	maxSpares    = 4                // per upstream
	maxSpareAge  = 45 * time.Second // well below the server's unusedTimeout
	spareTimeout = time.Second      // to make one
	upkeep       = time.Second / 2  // between looks at the spares, and at who answers
	forgotten    = 5 * time.Minute  // without demand there are no spares
)

// demand is how many streams were wanted lately.
type demand struct {
	since       time.Time // the second that is being counted
	now, before int       // streams in it, and in the one before
	last        time.Time
}

func (d *demand) add(t time.Time) {
	d.turn(t)
	d.now++
	d.last = t
}

func (d *demand) turn(t time.Time) {
	switch age := t.Sub(d.since); {
	case age >= 2*time.Second:
		d.since, d.now, d.before = t, 0, 0
	case age >= time.Second:
		d.since, d.now, d.before = t, 0, d.now
	}
}

// spares is how many connections are worth keeping ready.
func (d *demand) spares(t time.Time) int {
	if d.last.IsZero() || t.Sub(d.last) > forgotten {
		return 0
	}
	d.turn(t)
	return min(max(d.now, d.before, 1), maxSpares)
}

func (u *upstream) wanted() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.demand.add(time.Now())
}

// good tells whether a spare can still be used, and closes it otherwise.
func (c *Client) good(spare *Conn) bool {
	now := time.Now()
	if spare.own == c.identity.Current() && now.Sub(spare.born) < maxSpareAge && !spare.term.over(now) {
		err := spare.unanswered()
		if err == nil {
			return true
		}
		if refusedByPeer(err) {
			spare.upstream.setAnswers(false)
		}
	}
	_ = spare.wire.Close()
	return false
}

// setAnswers notes whether the upstream takes us in. As long as it hasn't answered, nothing is made ahead: it
// would be refused again and again, with a security event each time.
func (u *upstream) setAnswers(yes bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answers = yes
}

func (c *Client) refusedBy(name string) { c.upstream(name).setAnswers(false) }

// poke has Run look at the spares now.
func (c *Client) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Run keeps spares ready and brings back instances that had failed, until ctx ends. Without it Dial works, too.
func (c *Client) Run(ctx context.Context) {
	var dials sync.WaitGroup
	ticker := time.NewTicker(upkeep)
	defer ticker.Stop()
	for ctx.Err() == nil {
		for _, u := range c.all() {
			addresses, hung, _, _ := c.instances(u.name)
			u.sync(addresses, hung)
			c.sift(u)
			u.shed()
			u.listen(time.Now())
			u.desert(time.Now())
			for _, i := range u.lacking(time.Now()) {
				dials.Go(func() { c.makeSpare(ctx, u, i) })
			}
		}
		select {
		case <-c.wake:
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	dials.Wait()
	for _, u := range c.all() {
		u.sync(nil, nil)
	}
}

func (c *Client) all() []*upstream {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*upstream, 0, len(c.upstreams))
	for _, u := range c.upstreams {
		all = append(all, u)
	}
	return all
}

// sift takes out the spares that can't be used any more, and has the others take in their session tickets.
func (c *Client) sift(u *upstream) {
	u.mu.Lock()
	var held []*Conn
	for _, i := range u.instances {
		held = append(held, i.spares...)
		i.spares = nil
	}
	u.mu.Unlock()
	for _, spare := range held {
		if c.good(spare) {
			u.keep(spare)
		}
	}
}

func (u *upstream) keep(spare *Conn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, i := range u.instances {
		if i == spare.instance && i.ejected.IsZero() {
			i.spares = append(i.spares, spare)
			return
		}
	}
	_ = spare.wire.Close() // the instance has gone meanwhile
}

// lacking says where to make connections: to ejected instances whose time is over, one each, and for the
// demand to where the next streams will go.
func (u *upstream) lacking(now time.Time) (at []*instance) {
	u.mu.Lock()
	defer u.mu.Unlock()
	missing := u.demand.spares(now)
	var able []*instance
	for _, i := range u.instances {
		switch {
		case i.ejected.IsZero():
			missing -= len(i.spares) + i.dialing
			able = append(able, i)
		case i.ejected.Before(now) && i.dialing == 0:
			i.dialing++
			at = append(at, i)
		}
	}
	if !u.answers {
		return at
	}
	for ; missing > 0 && len(able) > 0; missing-- {
		best := able[0]
		for _, i := range able[1:] {
			if i.open+len(i.spares)+i.dialing < best.open+len(best.spares)+best.dialing {
				best = i
			}
		}
		best.dialing++
		at = append(at, best)
	}
	return at
}

func (c *Client) makeSpare(ctx context.Context, u *upstream, i *instance) {
	ctx, cancel := context.WithTimeout(ctx, spareTimeout)
	defer cancel()
	spare, err := c.dialInstance(ctx, u, i, false)
	u.mu.Lock()
	i.dialing--
	u.mu.Unlock()
	switch {
	case err == nil:
		u.keep(spare)
	case ctx.Err() == nil || ctx.Err() == context.DeadlineExceeded:
		u.fail(i)
	}
}
