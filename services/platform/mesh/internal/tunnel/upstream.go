package tunnel

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

var errNoInstance = errors.New("no healthy instance")

// Ejection keeps streams away from an instance that failed, for longer each time. Run brings it back once it takes a
// connection again; so no stream is spent on finding out, unless there is nowhere else to go.
const (
	minEjection = 250 * time.Millisecond
	maxEjection = 30 * time.Second
)

// instance is one place where an upstream can be reached.
type instance struct {
	address string
	open    int     // connections in use
	dialing int     // connections being made ahead
	spares  []*Conn // made ahead, oldest first
	streams map[*stream]struct{}
	fails   int
	ejected time.Time // until then; zero when it is in good standing
}

// upstream balances between the instances of one.
type upstream struct {
	name string

	mu        sync.Mutex
	instances []*instance
	demand    demand
	answers   bool // it has answered us, and hasn't refused us since: connections made ahead aren't in vain
	grown     bool // instances have come that the streams don't know yet
}

func newUpstream(name string) *upstream { return &upstream{name: name} }

// sync takes over the catalog's list. Streams to instances that are gone go on.
func (u *upstream) sync(addresses []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	was := len(u.instances)
	u.instances = slices.DeleteFunc(u.instances, func(i *instance) bool {
		gone := !slices.Contains(addresses, i.address)
		if gone {
			discard(i.spares)
			i.spares = nil
		}
		return gone
	})
	for _, a := range addresses {
		if !slices.ContainsFunc(u.instances, func(i *instance) bool { return i.address == a }) {
			u.instances = append(u.instances, &instance{address: a, streams: map[*stream]struct{}{}})
			u.grown = u.grown || was > 0
		}
	}
}

// choose gives the instance for a new stream and counts it there: of those not tried yet the one with the
// fewest connections, and of equals one with a spare. Ejected ones come last. others tells whether there
// are more to turn to. release takes the count back.
func (u *upstream) choose(tried []*instance) (best *instance, spare *Conn, others bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := len(u.instances)
	if n == 0 {
		return nil, nil, false
	}
	left := 0
	for k, first := 0, rand.IntN(n); k < n; k++ { // from anywhere, so that callers who see the same don't choose the same
		i := u.instances[(first+k)%n]
		if slices.Contains(tried, i) {
			continue
		}
		left++
		if best == nil || i.better(best) {
			best = i
		}
	}
	if best == nil {
		return nil, nil, false
	}
	best.open++
	if last := len(best.spares) - 1; last >= 0 {
		spare, best.spares = best.spares[last], best.spares[:last]
	}
	return best, spare, left > 1
}

func (i *instance) better(than *instance) bool {
	if i.ejected.IsZero() != than.ejected.IsZero() {
		return i.ejected.IsZero()
	}
	if !i.ejected.IsZero() && !i.ejected.Equal(than.ejected) {
		return i.ejected.Before(than.ejected)
	}
	return i.weight() < than.weight()
}

// weight is the load in half connections. Having to make one decides only between equals: it is paid once, and
// where a connection goes lasts, so that an instance that has only just come would stay without any.
func (i *instance) weight() int {
	if len(i.spares) == 0 {
		return 2*i.open + 1
	}
	return 2 * i.open
}

func (u *upstream) release(i *instance) {
	u.mu.Lock()
	defer u.mu.Unlock()
	i.open--
}

// fail ejects an instance.
func (u *upstream) fail(i *instance) {
	u.mu.Lock()
	defer u.mu.Unlock()
	d := min(minEjection<<min(i.fails, 16), maxEjection)
	i.fails++
	i.ejected = time.Now().Add(d + rand.N(d/4))
	discard(i.spares)
	i.spares = nil
}

// succeed ends an ejection. Like one that is new, the instance gets its share of the streams.
func (u *upstream) succeed(i *instance) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.grown = u.grown || !i.ejected.IsZero()
	i.ejected = time.Time{}
}

func discard(spares []*Conn) {
	for _, c := range spares {
		_ = c.wire.Close()
	}
}
