package tunnel_test

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/mesh/internal/unixsock"
	"redoubt.example/services/platform/mesh/spiffe"
)

// hold opens a stream, has it answered once, and leaves it open.
func hold(t *testing.T, r *rig) *unixsock.Conn {
	t.Helper()
	c := r.dial(t)
	require.NoError(t, ask(c))
	return c
}

func ask(c *unixsock.Conn) error {
	if _, err := io.WriteString(c, "a"); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, len("hello")))
	return err
}

// hello answers each byte.
func hello(_ spiffe.ID, c *unixsock.Conn) {
	for said := make([]byte, 1); ; {
		if _, err := c.Read(said); err != nil {
			return
		}
		_, _ = io.WriteString(c, "hello")
	}
}

func TestStreamsGoWhereThereAreFewest(t *testing.T) {
	r := newRig(t, hello)
	second := r.join(t, hello)
	r.announce(r.port, second.port)
	for range 10 {
		hold(t, r)
	}
	require.InDelta(t, 5, r.reached.Load(), 1)
	require.InDelta(t, 5, second.reached.Load(), 1)
}

// An instance that died costs no stream, and is used again when it is back.
func TestFailedInstance(t *testing.T) {
	r := newRig(t, hello)
	second := r.join(t, hello)
	r.announce(r.port, second.port)
	for range 4 {
		hold(t, r)
	}
	second.stop()
	before := r.reached.Load()
	for range 6 {
		hold(t, r)
	}
	require.EqualValues(t, 6, r.reached.Load()-before)

	revived := r.join(t, hello)
	r.announce(r.port, revived.port)
	for range 4 {
		hold(t, r)
	}
	require.NotZero(t, revived.reached.Load())
}

// The address of an instance that failed answers again: it gets streams again, without anyone asking for it.
func TestEjectedInstanceIsBroughtBack(t *testing.T) {
	r := newRig(t, hello)
	second := r.join(t, hello)
	front := newFront(t, second.port)
	front.broken.Store(true)
	r.announce(r.port, front.address)
	for range 4 {
		hold(t, r)
	}
	require.Zero(t, second.reached.Load())
	require.Positive(t, front.refused.Load(), "it was tried")
	front.broken.Store(false)
	require.Eventually(t, func() bool { hold(t, r); return second.reached.Load() > 0 }, 10*time.Second, 50*time.Millisecond)
}

// A paused process still accepts connections, in the kernel; nobody may wait for it as long as there are others.
func TestPausedInstance(t *testing.T) {
	paused, err := net.Listen("tcp", "127.0.0.1:0") // nobody ever accepts
	require.NoError(t, err)
	defer paused.Close()
	r := newRig(t, hello)
	r.announce(r.port, paused.Addr().String())
	for range 6 {
		began := time.Now()
		hold(t, r)
		require.Less(t, time.Since(began), 2*time.Second)
	}
	require.EqualValues(t, 6, r.reached.Load())
}

func TestNoInstance(t *testing.T) {
	r := newRig(t, hello)
	r.announce()
	began := time.Now()
	require.False(t, exchange(t, r))
	require.Less(t, time.Since(began), 1500*time.Millisecond, "callers wait for two seconds")

	time.AfterFunc(200*time.Millisecond, func() { r.announce(r.port) }) // one that restarts
	hold(t, r)
}

// Connections that are kept would never leave the first instance by themselves.
func TestNewInstanceTakesLoad(t *testing.T) {
	r := newRig(t, hello)
	var held []*unixsock.Conn
	for range 6 {
		held = append(held, hold(t, r))
	}
	second := r.join(t, hello)
	r.announce(r.port, second.port)
	refused := func() (n int) {
		for _, c := range held {
			if err := ask(c); err != nil {
				require.ErrorIs(t, err, syscall.EPIPE, "nothing of the next request was taken")
				n++
			}
		}
		return n
	}
	require.Eventually(t, func() bool { return refused() >= 2 }, 10*time.Second, 100*time.Millisecond)
	for range refused() {
		hold(t, r)
	}
	require.GreaterOrEqual(t, second.reached.Load(), int64(2))
	require.LessOrEqual(t, refused(), 3, "only the excess goes")
}
