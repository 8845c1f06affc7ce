package tunnel_test

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/mesh/internal/unixsock"
	"redoubt.example/services/platform/mesh/spiffe"
)

// pausable answers as hello does, and when paused not at all, without closing anything.
type pausable struct {
	paused atomic.Bool
	awake  chan struct{} // closes at the test's end
}

// newPausable adds an instance that can be paused.
func newPausable(t *testing.T, r *rig) (*pausable, *place) {
	p := &pausable{awake: make(chan struct{})}
	at := r.join(t, p.app)
	t.Cleanup(func() { close(p.awake) }) // before the instance is stopped
	return p, at
}

func (p *pausable) app(_ spiffe.ID, c *unixsock.Conn) {
	for said := make([]byte, 100); ; {
		if _, err := c.Read(said); err != nil {
			return
		}
		if p.paused.Load() {
			<-p.awake
		}
		_, _ = io.WriteString(c, "hello")
	}
}

// heldAt opens streams to an instance.
func heldAt(t *testing.T, r *rig, at *place, n int) (conns []*unixsock.Conn) {
	t.Helper()
	r.announce(at.port)
	for range n {
		conns = append(conns, hold(t, r))
	}
	require.EqualValues(t, n, at.reached.Load())
	return conns
}

// refuses waits until the client can write no more: its next request goes over a connection to somewhere else.
func refuses(t *testing.T, c net.Conn) {
	t.Helper()
	require.Eventually(t, func() bool { return isClosed(c) }, 10*time.Second, 20*time.Millisecond)
	_, err := io.WriteString(c, "a")
	require.ErrorIs(t, err, syscall.EPIPE, "nothing of it was taken")
}

// isClosed reads without waiting.
func isClosed(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// A client gives up on a kept connection: the others to the same instance take no more requests.
func TestPausedAppBehindKeptStreams(t *testing.T) {
	r := newRig(t, hello)
	p, second := newPausable(t, r)
	held := heldAt(t, r, second, 3)
	r.announce(second.port, r.port)
	hold(t, r) // the client knows both now
	p.paused.Store(true)
	_, err := io.WriteString(held[0], "a")
	require.NoError(t, err)
	time.Sleep(700 * time.Millisecond) // the client's patience, and not a wait for something
	require.NoError(t, held[0].Close())
	refuses(t, held[1])
	refuses(t, held[2])
	before := second.reached.Load()
	hold(t, r)
	require.Equal(t, before, second.reached.Load(), "it goes elsewhere")
}

// An instance that owes an answer and says nothing gets no more requests long before anyone
// has given up.
func TestSilentInstance(t *testing.T) {
	r := newRig(t, hello)
	p, second := newPausable(t, r)
	held := heldAt(t, r, second, 2)
	r.announce(second.port, r.port)
	hold(t, r)
	p.paused.Store(true)
	_, err := io.WriteString(held[0], "a")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return isClosed(held[1]) }, 10*time.Second, 20*time.Millisecond)
	require.False(t, isClosed(held[0]), "what waits goes on")
	p.paused.Store(false)
	p.awake <- struct{}{}
	require.NoError(t, held[0].SetReadDeadline(time.Now().Add(5*time.Second)))
	_, err = io.ReadFull(held[0], make([]byte, len("hello")))
	require.NoError(t, err)
}

// An instance that leaves the catalog may finish, and gets no more requests, as long as there is another.
func TestLeavingInstance(t *testing.T) {
	r := newRig(t, hello)
	p, second := newPausable(t, r)
	held := heldAt(t, r, second, 2)
	r.announce()
	require.NoError(t, ask(held[0]), "with nowhere else to go everything stays")
	p.paused.Store(true)
	_, err := io.WriteString(held[1], "a") // in flight
	require.NoError(t, err)
	r.announce(r.port)
	hold(t, r)
	refuses(t, held[0])
	p.paused.Store(false)
	p.awake <- struct{}{}
	_, err = io.ReadFull(held[1], make([]byte, len("hello")))
	require.NoError(t, err, "what was in flight is answered")
}

// Said of all there are, that they hang is no reason to refuse: a Consul too busy to hear of them says so. One that doesn't
// comes first.
func TestNoneButHungInstances(t *testing.T) {
	r := newRig(t, hello)
	second := r.join(t, hello)
	r.announce(r.port, second.port)
	hold(t, r) // the client knows both now
	r.announceHung([]string{r.port, second.port})
	hold(t, r)
	r.announceHung([]string{r.port})
	before := second.reached.Load()
	for range 4 {
		hold(t, r)
	}
	require.EqualValues(t, 4, second.reached.Load()-before)
}

// What waits for an answer of an instance that hangs is cut; what waits for nothing, and can't be told, stays.
func TestHungInstance(t *testing.T) {
	r := newRig(t, hello)
	p, second := newPausable(t, r)
	r.announce(second.port)
	var held []*unixsock.Conn
	for _, first := range []string{"PRI * HTTP/2.0", "PRI * HTTP/2.0", "GET"} {
		c := r.dial(t)
		_, err := io.WriteString(c, first)
		require.NoError(t, err)
		_, err = io.ReadFull(c, make([]byte, len("hello")))
		require.NoError(t, err)
		held = append(held, c)
	}
	p.paused.Store(true)
	for _, c := range []net.Conn{held[0], held[2]} {
		_, err := io.WriteString(c, "a")
		require.NoError(t, err)
	}
	r.announceHung([]string{second.port}, r.port)
	began := time.Now()
	require.Eventually(t, func() bool { return isClosed(held[0]) && isClosed(held[2]) }, 10*time.Second, 20*time.Millisecond)
	t.Logf("cut after %v", time.Since(began))
	require.False(t, isClosed(held[1]), "it waits for nothing")
}
