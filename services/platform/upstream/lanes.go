package upstream

import (
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
)

// The mesh balances connections, not requests, and a pool that is hardly used keeps using the same one: with a few
// lanes, each a pool of its own, even a little load reaches several replicas.
const (
	laneCount = 6
	// grpcLaneCount is less: each is one connection, whatever the load.
	grpcLaneCount = 3
)

// lanes sends each request where the fewest are under way, and anywhere where they are equal: in turn, callers whose
// requests come in a pattern would send all of one kind to one replica. What hangs at one
// replica makes its lane look busy, so that little else follows it there.
type lanes struct {
	pools []*http.Transport

	mu   sync.Mutex
	busy []int
}

func newLanes(pool func() *http.Transport) *lanes {
	l := &lanes{busy: make([]int, laneCount)}
	for range laneCount {
		l.pools = append(l.pools, pool())
	}
	return l
}

func (l *lanes) RoundTrip(r *http.Request) (*http.Response, error) {
	i := l.choose()
	resp, err := l.pools[i].RoundTrip(r)
	if err != nil {
		l.leave(i)
		return nil, err
	}
	resp.Body = &laneBody{ReadCloser: resp.Body, leave: sync.OnceFunc(func() { l.leave(i) })}
	return resp, nil
}

func (l *lanes) choose() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := rand.IntN(len(l.pools))
	best := first
	for k := range l.pools {
		if i := (first + k) % len(l.pools); l.busy[i] < l.busy[best] {
			best = i
		}
	}
	l.busy[best]++
	return best
}

func (l *lanes) leave(i int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy[i]--
}

// CloseIdleConnections closes those of all lanes.
func (l *lanes) CloseIdleConnections() {
	for _, p := range l.pools {
		p.CloseIdleConnections()
	}
}

// laneBody counts its request as under way until it is read to the end or closed.
type laneBody struct {
	io.ReadCloser
	leave func()
}

func (b *laneBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.leave()
	}
	return n, err
}

func (b *laneBody) Close() error {
	b.leave()
	return b.ReadCloser.Close()
}
