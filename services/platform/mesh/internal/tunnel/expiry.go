package tunnel

import (
	"crypto/x509"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/unixsock"
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
		part /= 4
	}
	return term{begin: first.NotAfter.Add(-part), end: first.NotAfter}
}

func (t term) over(now time.Time) bool { return !now.Before(t.begin) }

// A connection counts as idle when the last bytes were an answer and nothing has moved for a while: layer 4 can't see
// more. On a multiplexed one a request may wait behind the answer of another, so the while is longer.
const (
	glance         = 20 * time.Millisecond
	pause          = 250 * time.Millisecond
	longPause      = 15 * time.Second
	shedImpatience = 2 * time.Second // then a busy stream that is to move is refused between two requests
)

// limit puts an end to the stream as its term says.
func (t *Streams) limit(s *stream, life term) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.ending = &ending{streams: t, stream: s, term: life, impatient: life.begin.Add(life.end.Sub(life.begin) / 2)}
	s.retirement = time.AfterFunc(time.Until(life.begin), s.ending.step)
}

// retire begins to end the stream now, as if its term did, but never cuts it off before that.
func (s *stream) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && s.ending != nil && !s.ending.begun && s.retirement.Stop() { // otherwise it is ending already
		s.ending.begun = true
		s.ending.impatient = time.Now().Add(shedImpatience)
		s.retirement = time.AfterFunc(0, s.ending.step)
	}
}

// ending is a stream in the last part of its term.
type ending struct {
	streams   *Streams
	stream    *stream
	term      term
	impatient time.Time
	begun     bool      // by retire
	seen      uint64    // bytes moved until the step before
	movedAt   time.Time // when more had
}

// step ends the stream if it is idle, or looks again a little later.
func (e *ending) step() {
	s, now := e.stream, time.Now()
	left := e.term.end.Sub(now)
	if left <= 0 {
		e.streams.log.Info("stream closed with its certificate's end", "direction", s.direction,
			"peer_service", s.peer.Service, "remote", addressOf(s.remote))
		s.close()
		return
	}
	if !s.writing.TryLock() {
		e.again(left)
		return
	}
	defer s.writing.Unlock()
	moved := s.toServer.Load() + s.toClient.Load()
	if moved != e.seen || e.movedAt.IsZero() {
		e.seen, e.movedAt = moved, now
	}
	while := pause
	if s.multiplexed.Load() {
		while = longPause
	}
	answered := moved == 0 || s.answered.Load()
	idle := answered && now.Sub(e.movedAt) >= min(while, left/8) && !s.asks()
	switch {
	case idle && (!s.refusable() || s.multiplexed.Load() || s.refuse()):
		s.finish()
		return
	case answered && s.refusable() && !s.multiplexed.Load() && now.After(e.impatient):
		s.refuse()
	}
	e.again(left)
}

func (e *ending) again(left time.Duration) {
	d := max(min(glance, left/16), time.Millisecond)
	e.stream.mu.Lock()
	defer e.stream.mu.Unlock()
	if !e.stream.closed {
		e.stream.retirement = time.AfterFunc(d, e.step)
	}
}

// refusable tells whether the client can be told to write no more, and wasn't yet. A unix socket does that at once, and
// so does an app that is its own data plane, which has no client's side; TCP doesn't at all.
func (s *stream) refusable() bool {
	_, isLocal := s.client.(*unixsock.Conn)
	return (isLocal || s.client == nil) && s.direction == outbound && !s.refusing.Load()
}

// refuse makes the app's next write fail with nothing written, so that it opens another connection for its
// next request, whatever that is; what it had written before is still delivered, and answered. While there is
// something unread, the app may be in the middle of a request: not now, then. True means that nothing is left to be taken.
func (s *stream) refuse() bool {
	c, isLocal := s.client.(*unixsock.Conn)
	if !isLocal {
		s.refusing.Store(true) // under s.writing
		return true
	}
	if unread(c) {
		return false
	}
	s.refusing.Store(true)
	return c.CloseRead() == nil && !unread(c) // what came in between is still taken
}

// unread tells whether a socket holds bytes that nobody has taken yet.
func unread(c interface {
	Control(use func(fd int) error) error
}) bool {
	held := true
	_ = c.Control(func(fd int) error {
		n, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
		held = err != nil || n > 0
		return err
	})
	return held
}

// asks tells whether the client has sent something that the stream hasn't taken yet.
func (s *stream) asks() bool {
	switch c := s.client.(type) {
	case *secured:
		return unread(c.wire)
	case *unixsock.Conn:
		return !s.refusing.Load() && unread(c)
	}
	return false
}

func addressOf(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}
