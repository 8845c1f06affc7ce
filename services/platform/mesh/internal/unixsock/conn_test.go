package unixsock_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"
	"golang.org/x/sys/unix"

	"redoubt.example/services/platform/mesh/internal/unixsock"
)

// pair is a connection's two ends.
func pair(t testing.TB) (dialled, accepted *unixsock.Conn) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := unixsock.Listen(path)
	require.NoError(t, err)
	defer ln.Close()
	dialled, err = unixsock.Dial(t.Context(), path)
	require.NoError(t, err)
	c, err := ln.Accept()
	require.NoError(t, err)
	accepted = c.(*unixsock.Conn)
	t.Cleanup(func() { dialled.Close(); accepted.Close() })
	return dialled, accepted
}

// TestConn: it does what a net.Conn has to.
func TestConn(t *testing.T) {
	nettest.TestConn(t, func() (a, b net.Conn, stop func(), err error) {
		dialled, accepted := pair(t)
		return dialled, accepted, func() { dialled.Close(); accepted.Close() }, nil
	})
}

// TestHalfClose: what was written before CloseWrite arrives, then the end does; the other direction goes on.
func TestHalfClose(t *testing.T) {
	a, b := pair(t)
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // more than there is room for
	sent := make(chan error, 1)
	go func() {
		_, err := a.Write(large)
		if err == nil {
			err = a.CloseWrite()
		}
		sent <- err
	}()
	got, err := io.ReadAll(b)
	require.NoError(t, err)
	require.True(t, bytes.Equal(large, got))
	require.NoError(t, <-sent)
	_, err = b.Write([]byte("answer"))
	require.NoError(t, err)
	require.NoError(t, b.Close())
	got, err = io.ReadAll(a)
	require.NoError(t, err)
	require.Equal(t, "answer", string(got))
}

// TestCloseRead: the peer's next write fails, with nothing written, and what it wrote before can be read.
func TestCloseRead(t *testing.T) {
	a, b := pair(t)
	_, err := a.Write([]byte("before"))
	require.NoError(t, err)
	require.NoError(t, b.CloseRead())
	n, err := a.Write([]byte("after"))
	require.ErrorIs(t, err, unix.EPIPE)
	require.Zero(t, n)
	got, err := io.ReadAll(b)
	require.NoError(t, err)
	require.Equal(t, "before", string(got))
}

// TestCloseEndsWaiting: a reader and a writer that wait when their connection is closed learn that it is.
func TestCloseEndsWaiting(t *testing.T) {
	for i := range 200 {
		a, _ := pair(t)
		ended := make(chan error, 2)
		go func() { _, err := a.Read(make([]byte, 1)); ended <- err }()
		go func() { _, err := a.Write(make([]byte, 4<<20)); ended <- err }()
		time.Sleep(time.Duration(i%20) * 50 * time.Microsecond) // before, while and after they begin to wait
		require.NoError(t, a.Close())
		require.ErrorIs(t, <-ended, net.ErrClosed)
		require.ErrorIs(t, <-ended, net.ErrClosed)
		require.ErrorIs(t, a.Close(), net.ErrClosed)
		require.ErrorIs(t, a.CloseWrite(), net.ErrClosed)
		_, err := unixsock.Check(a)
		require.ErrorIs(t, err, net.ErrClosed)
	}
}

// TestCloseInTheMiddle: a connection over which bytes pass both ways is closed at any moment, and nobody waits for anybody for ever.
func TestCloseInTheMiddle(t *testing.T) {
	for i := range 200 {
		a, b := pair(t)
		ended := make(chan error, 4)
		for _, c := range []*unixsock.Conn{a, b} {
			go func() { _, err := io.Copy(io.Discard, struct{ io.Reader }{c}); ended <- err }()
			go func() {
				for {
					if _, err := c.Write(make([]byte, 1024)); err != nil {
						ended <- err
						return
					}
				}
			}()
		}
		time.Sleep(time.Duration(i%20) * 50 * time.Microsecond)
		require.NoError(t, a.Close())
		for range 4 {
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				t.Fatal("somebody still waits")
			}
		}
	}
}

// TestOnlyReadingIsAwaited: a connection is watched by one epoll instance, and not for room to write; and only while there is no room
// for that by another. Otherwise each message that its peer takes would wake it.
func TestOnlyReadingIsAwaited(t *testing.T) {
	a, b := pair(t)
	require.Equal(t, []uint64{unix.EPOLLIN | unix.EPOLLRDHUP}, awaited(t, a))

	ended := make(chan error, 1)
	go func() { _, err := a.Write(make([]byte, 4<<20)); ended <- err }()
	require.Eventually(t, func() bool {
		all := awaited(t, a)
		return len(all) == 2 && all[0]|all[1] == unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLOUT
	}, 5*time.Second, time.Millisecond)
	_, err := io.ReadFull(b, make([]byte, 4<<20))
	require.NoError(t, err)
	require.NoError(t, <-ended)
	require.Equal(t, []uint64{unix.EPOLLIN | unix.EPOLLRDHUP}, awaited(t, a))
}

// watches is a line of /proc/self/fdinfo of an epoll instance: whom it watches, and for what.
var watches = regexp.MustCompile(`(?m)^tfd:\s+(\d+) events:\s+([0-9a-f]+)`)

// awaited is what each epoll instance of this process awaits of a connection, but for what the kernel always tells (EPOLLERR, EPOLLHUP).
func awaited(t *testing.T, c *unixsock.Conn) (all []uint64) {
	t.Helper()
	require.NoError(t, c.Control(func(fd int) error {
		files, err := filepath.Glob("/proc/self/fdinfo/*")
		if err != nil {
			return err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil { // closed meanwhile
				continue
			}
			for _, line := range watches.FindAllSubmatch(text, -1) {
				events, err := strconv.ParseUint(string(line[2]), 16, 64)
				if err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
				if string(line[1]) == strconv.Itoa(fd) {
					all = append(all, events&^(unix.EPOLLERR|unix.EPOLLHUP))
				}
			}
		}
		return nil
	}))
	return all
}
