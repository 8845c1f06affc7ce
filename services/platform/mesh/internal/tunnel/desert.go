package tunnel

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"redoubt.example/services/platform/mesh/internal/unixsock"
)

const (
	// tooLong without any answer, and the client gone: the instance hangs, or is paused.
	tooLong = 500 * time.Millisecond
	// silent is how long a stream may wait for any byte: then an instance that answers no other either is ejected, and one
	// that Consul says hangs loses the stream.
	silent = time.Second
)

// listen ejects the instances that owe an answer and have said nothing at all for a while. Long before a client gives
// up, no other request follows; what waits there goes on.
func (u *upstream) listen(now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now.Sub(u.listened) < upkeep*9/10 {
		return
	}
	u.listened = now
	for _, i := range slices.Concat(u.instances, u.leaving) {
		spoke, owes := false, false
		for s := range i.streams {
			spoke = s.spoke(now) || spoke
			owes = owes || s.waits(now) > silent
		}
		if owes && !spoke && i.ejected.IsZero() && u.others(i) {
			u.eject(i, hungEjection)
		}
	}
}

// spoke tells whether the peer has said anything since the last look. The caller holds the upstream's mutex.
func (s *stream) spoke(now time.Time) bool {
	heard := s.toClient.Load()
	spoke := heard != s.heard
	if spoke || s.answered.Load() || !s.begun.Load() || s.heardAt.IsZero() {
		s.heard, s.heardAt = heard, now
	}
	return spoke
}

// waits is how long the stream has been seen to wait for an answer.
func (s *stream) waits(now time.Time) time.Duration {
	if s.heardAt.IsZero() || s.answered.Load() {
		return 0
	}
	return now.Sub(s.heardAt)
}

// desert gives up what there is at instances that have left the catalog, were ejected, or hang, as far as nothing is lost:
// a kept connection takes no further request. Only where Consul says that the instance hangs is one cut that waits for an
// answer: who may repeat the request needn't wait until it gives up by itself. With nowhere else to go all stays.
func (u *upstream) desert(now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	from := slices.Clone(u.leaving)
	for _, i := range u.instances {
		if !i.ejected.IsZero() {
			from = append(from, i)
		}
	}
	for _, i := range from {
		if !u.others(i) {
			continue
		}
		for s := range i.streams {
			if i.hung && s.waits(now) > silent {
				s.close()
			} else {
				s.retire()
			}
		}
	}
}

// deserted tells whether the client has closed its connection altogether while it waited for an answer, and notes for how
// long it had. A client that only has nothing more to say may still read.
func (s *stream) deserted() bool {
	app, isLocal := s.client.(*unixsock.Conn)
	if !isLocal || s.direction != outbound || s.answered.Load() || !hungUp(app) {
		return false
	}
	s.noteWait()
	return true
}

// noteWait notes how long the peer has owed an answer, if it does.
func (s *stream) noteWait() {
	if to, ok := s.server.(*secured); ok && !s.answered.Load() {
		s.waited.Store(int64(sinceSent(to.wire)))
	}
}

func hungUp(c *unixsock.Conn) bool {
	var events int16
	_ = c.Control(func(fd int) error {
		poll := []unix.PollFd{{Fd: int32(fd)}}
		_, err := unix.Poll(poll, 0)
		events = poll[0].Revents
		return err
	})
	return events&unix.POLLHUP != 0
}

// sinceSent is how long ago the kernel sent data of ours (TCP_INFO).
func sinceSent(w *wire) (ago time.Duration) {
	_ = w.Control(func(fd int) error {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			ago = time.Duration(info.Last_data_sent) * time.Millisecond
		}
		return err
	})
	return ago
}
