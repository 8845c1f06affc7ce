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
	minEjection  = 250 * time.Millisecond
	maxEjection  = 30 * time.Second
	hungEjection = 5 * time.Second // of one that is silent: a handshake proves nothing then; by the end Consul knows it
)

// instance is one place where an upstream can be reached.
type instance struct {
	address string
	open    int     // connections in use
	dialing int     // connections being made ahead
	spares  []*Conn // made ahead, oldest first
	streams map[*stream]struct{}
	hung    bool // Consul says so
	fails   int
	ejected time.Time // until then; zero when it is in good standing
}

// upstream balances between the instances of one.
type upstream struct {
	name string

	mu        sync.Mutex
	instances []*instance
	leaving   []*instance // not in the catalog any more, but with streams
	demand    demand
	answers   bool // it has answered us, and hasn't refused us since: connections made ahead aren't in vain
	grown     bool // instances have come that the streams don't know yet
	listened  time.Time
}

func newUpstream(name string) *upstream { return &upstream{name: name} }

// sync takes over the catalog's lists. What streams there are to instances that are gone goes on; see desert. With none
// healthy, the last that were are tried all the same, those that hang last: so says a Consul that has only just come back,
// or one too busy to hear of any, of instances that never went. What has really gone refuses at once, and who answers has
// to prove who it is.
func (u *upstream) sync(healthy, hung []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	had := slices.Concat(u.instances, u.leaving)
	was := u.instances
	u.instances, u.leaving = nil, nil
	for _, i := range had {
		i.hung = slices.Contains(hung, i.address)
		switch {
		case slices.Contains(healthy, i.address), len(healthy) == 0 && slices.Contains(was, i):
			u.instances = append(u.instances, i)
		case len(i.streams) > 0:
			u.leaving = append(u.leaving, i)
			fallthrough
		default:
			discard(i.spares)
			i.spares = nil
		}
	}
	for _, a := range healthy {
		if !slices.ContainsFunc(u.instances, func(i *instance) bool { return i.address == a }) {
			u.instances = append(u.instances, &instance{address: a, streams: map[*stream]struct{}{}})
			u.grown = u.grown || len(was) > 0
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
	if i.hung != than.hung {
		return than.hung
	}
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
	u.eject(i, minEjection)
}

func (u *upstream) eject(i *instance, least time.Duration) {
	d := max(min(minEjection<<min(i.fails, 16), maxEjection), least)
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
