package tunnel

import (
	"crypto/x509"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"redoubt.example/services/platform/mesh/internal/identity"
)

// term is how long a connection may last: no longer than any certificate that it was made with. Between
// its two moments it ends as soon as it is idle, at the second whatever it does.
type term struct{ begin, end time.Time }

// termOf is that of a connection. The caller's side begins to end it earlier: only there can it be ended
// without a request getting lost on the way.
func termOf(own *identity.Identity, peer []*x509.Certificate, direction string) term {
	first := own.Leaf.Leaf
	for _, c := range peer {
		if c.NotAfter.Before(first.NotAfter) {
			first = c
		}
	}
	part := first.NotAfter.Sub(first.NotBefore) / 10
	if direction == inbound {
		part /= 2
	}
	return term{begin: first.NotAfter.Add(-part), end: first.NotAfter}
}

func (t term) over(now time.Time) bool { return !now.Before(t.begin) }

// Stillness is how long nothing has to move before a connection counts as idle. Layer 4 can't see that a request
// is awaited behind the answer of another, so a multiplexed connection has to be still for longer.
const (
	gap          = 20 * time.Millisecond
	maxStillness = 15 * time.Second
	minStillness = 5 * time.Millisecond
)

// limit puts an end to the stream as its term says.
func (t *Streams) limit(s *stream, life term) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.ending = &ending{streams: t, stream: s, term: life}
	s.retirement = time.AfterFunc(time.Until(life.begin), s.ending.step)
}

// retire begins to end the stream now, as if its term did, but never cuts it off before that.
func (s *stream) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && s.ending != nil && s.retirement.Stop() { // otherwise it is ending already
		s.retirement = time.AfterFunc(0, s.ending.step)
	}
}

// ending is a stream in the last part of its term.
type ending struct {
	streams *Streams
	stream  *stream
	term    term
	seen    uint64 // bytes moved until the step before
}

// step ends the stream if it is idle, or looks again a little later.
func (e *ending) step() {
	s, left := e.stream, time.Until(e.term.end)
	if left <= 0 {
		e.streams.log.Info("stream closed with its certificate's end", "direction", s.direction,
			"peer_service", s.peer.Service, "remote", addressOf(s.remote))
		s.close()
		return
	}
	still := min(max(left/8, minStillness), maxStillness)
	if !s.writing.TryLock() {
		e.again(min(still, gap))
		return
	}
	defer s.writing.Unlock()
	moved := s.toServer.Load() + s.toClient.Load()
	answered := moved == 0 || s.answered.Load()
	idle := answered && moved == e.seen
	e.seen = moved
	switch {
	case s.refusable():
		if answered && (idle || !s.multiplexed.Load()) && s.refuse() {
			break
		}
		if !s.multiplexed.Load() {
			still = min(still, gap) // between one answer and the next request is little time
		}
	case idle:
		s.finish()
		return
	}
	e.again(still)
}

func (e *ending) again(d time.Duration) {
	e.stream.mu.Lock()
	defer e.stream.mu.Unlock()
	if !e.stream.closed {
		e.stream.retirement = time.AfterFunc(d, e.step)
	}
}

// refusable tells whether the client can be told to write no more, and wasn't yet. A unix socket does that at once; TCP
// doesn't at all.
func (s *stream) refusable() bool {
	_, local := s.client.(*net.UnixConn)
	return local && s.direction == outbound && !s.refusing.Load()
}

// refuse makes the app's next write fail with nothing written, so that it opens another connection for its
// next request, whatever that is; what it had written before is still delivered, and answered. While there is
// something unread, the app may be in the middle of a request: not now, then.
func (s *stream) refuse() bool {
	c := s.client.(*net.UnixConn)
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	refused := false
	_ = raw.Control(func(fd uintptr) {
		if unread, err := unix.IoctlGetInt(int(fd), unix.SIOCINQ); err != nil || unread > 0 {
			return
		}
		s.refusing.Store(true)
		refused = unix.Shutdown(int(fd), unix.SHUT_RD) == nil
	})
	return refused
}

func addressOf(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}
