package tunnel

import (
	"container/list"
	"errors"
	"net"
	"sync"
	"time"
)

// Until a handshake is done anybody may be at the other end, and each takes memory and a descriptor. So only so many are under
// way at once, some 40 MB at most, and the next ones wait in the kernel's queue, which is short. Who stalls can't keep them there: a
// handshake takes a few milliseconds, and one that takes as long as our own clients would wait makes way when there is a crowd.
const (
	maxHandshakes = 1024
	enoughTime    = detourTimeout
)

var errCrowd = errors.New("too many handshakes at once, and this one took long")

// crowd is the connections whose handshakes are under way.
type crowd struct {
	mu    sync.Mutex
	order list.List                  // of arrivals, the oldest first
	at    map[net.Conn]*list.Element // their places; nil for one that had to make way
	left  chan struct{}              // somebody has left
}

type arrival struct {
	conn net.Conn
	when time.Time
}

func newCrowd() *crowd { return &crowd{at: map[net.Conn]*list.Element{}, left: make(chan struct{}, 1)} }

// leave is called when c's handshake is over. The error tells that it had to make way.
func (w *crowd) leave(c net.Conn) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	place, known := w.at[c]
	delete(w.at, c)
	switch {
	case !known:
	case place == nil:
		return errCrowd
	default:
		w.order.Remove(place)
		select {
		case w.left <- struct{}{}:
		default:
		}
	}
	return nil
}

// enter counts a connection until it leaves.
func (w *crowd) enter(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at[c] = w.order.PushBack(arrival{c, time.Now()})
}

// full tells for how long there is no room yet. For a connection that has had enough time it ends at once.
func (w *crowd) full() (wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.order.Len() < maxHandshakes {
		return 0
	}
	oldest := w.order.Front().Value.(arrival)
	if wait = enoughTime - time.Since(oldest.when); wait > 0 {
		return wait
	}
	w.order.Remove(w.order.Front())
	w.at[oldest.conn] = nil
	_ = oldest.conn.Close()
	return 0
}

// queued is a listener that accepts when there is room in the crowd.
type queued struct {
	net.Listener
	crowd  *crowd
	closed chan struct{}
	close  func() error
}

func (w *crowd) listen(ln net.Listener) *queued {
	q := &queued{Listener: ln, crowd: w, closed: make(chan struct{})}
	q.close = sync.OnceValue(func() error { close(q.closed); return ln.Close() })
	return q
}

// Accept implements net.Listener.
func (q *queued) Accept() (net.Conn, error) {
	for wait := q.crowd.full(); wait > 0; wait = q.crowd.full() {
		timer := time.NewTimer(wait)
		select {
		case <-q.crowd.left:
		case <-timer.C:
		case <-q.closed:
		}
		timer.Stop()
		select {
		case <-q.closed:
			return nil, net.ErrClosed
		default:
		}
	}
	c, err := q.Listener.Accept()
	if err == nil {
		q.crowd.enter(c)
	}
	return c, err
}

// Close implements net.Listener.
func (q *queued) Close() error { return q.close() }
