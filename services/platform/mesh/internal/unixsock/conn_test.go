package unixsock_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync"
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
		require.ErrorIs(t, a.SetDeadline(time.Now()), net.ErrClosed)
		require.ErrorIs(t, a.SetWriteDeadline(time.Now()), net.ErrClosed)
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

// TestOnlyReadingIsAwaited: a connection is watched for what is to be read, and only while there is no room for writing for that. Otherwise each
// message that its peer takes would wake it.
func TestOnlyReadingIsAwaited(t *testing.T) {
	a, b := pair(t)
	require.Equal(t, uint64(unix.EPOLLIN|unix.EPOLLRDHUP), awaited(t, a))
	for range 2 { // the second time what was made for the first is there
		ended := make(chan error, 1)
		go func() { _, err := a.Write(make([]byte, 4<<20)); ended <- err }()
		require.Eventually(t, func() bool { return awaited(t, a) == unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLOUT }, 5*time.Second, time.Millisecond)
		_, err := io.ReadFull(b, make([]byte, 4<<20))
		require.NoError(t, err)
		require.NoError(t, <-ended)
		require.Equal(t, uint64(unix.EPOLLIN|unix.EPOLLRDHUP), awaited(t, a))
	}
}

// watches is a line of /proc/self/fdinfo of an epoll instance: whom it watches, and for what.
var watches = regexp.MustCompile(`(?m)^tfd:\s+(\d+) events:\s+([0-9a-f]+)`)

// awaited is what the epoll instances of this process await of a connection, but for what the kernel always tells (EPOLLERR, EPOLLHUP).
func awaited(t *testing.T, c *unixsock.Conn) (all uint64) {
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
					all |= events &^ (unix.EPOLLERR | unix.EPOLLHUP)
				}
			}
		}
		return nil
	}))
	return all
}

// exhaust leaves this process so many descriptors, until the test ends or the function that it returns is called.
func exhaust(t *testing.T, left int) (restore func()) {
	t.Helper()
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	var taken []*os.File
	restore = sync.OnceFunc(func() {
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before))
		for _, f := range taken {
			f.Close()
		}
	})
	t.Cleanup(restore)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 200, Max: before.Max}))
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			require.ErrorIs(t, err, unix.EMFILE)
			break
		}
		taken = append(taken, f)
	}
	for _, f := range taken[:left] {
		f.Close()
	}
	taken = taken[left:]
	return restore
}

// TestAcceptWithoutDescriptors: whoever connects meanwhile is served once there are some. The error is one that servers take for temporary.
func TestAcceptWithoutDescriptors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := unixsock.Listen(path)
	require.NoError(t, err)
	defer ln.Close()
	caller, err := net.Dial("unix", path)
	require.NoError(t, err)
	defer caller.Close()
	for _, left := range []int{0, 2, 1, 0} { // it can't be accepted; it can; and is kept, with less and less for the rest of it
		restore := exhaust(t, left)
		_, err := ln.Accept()
		restore()
		require.ErrorIs(t, err, unix.EMFILE)
		var temporary interface{ Temporary() bool }
		require.True(t, errors.As(err, &temporary) && temporary.Temporary(), "%v", err)
	}
	c, err := ln.Accept()
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write([]byte("hello"))
	require.NoError(t, err)
	got := make([]byte, 5)
	_, err = io.ReadFull(caller, got)
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
}

// TestWriteWithoutDescriptors: a write that has to wait does, until its deadline.
func TestWriteWithoutDescriptors(t *testing.T) {
	a, b := pair(t)
	exhaust(t, 0)
	require.NoError(t, a.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	n, err := a.Write(make([]byte, 4<<20))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, a.SetWriteDeadline(time.Time{}))
	ended := make(chan error, 1)
	go func() { _, err := a.Write(make([]byte, 4<<20-n)); ended <- err }()
	_, err = io.ReadFull(b, make([]byte, 4<<20))
	require.NoError(t, err)
	require.NoError(t, <-ended)
}

// TestForgotten: the socket of a connection that nobody closed, and that nobody has any more, is closed.
func TestForgotten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer ln.Close()
	_, err = unixsock.Dial(t.Context(), path)
	require.NoError(t, err)
	peer, err := ln.Accept()
	require.NoError(t, err)
	defer peer.Close()
	ended := make(chan error, 1)
	go func() { _, err := peer.Read(make([]byte, 1)); ended <- err }()
	require.Eventually(t, func() bool {
		runtime.GC()
		select {
		case err := <-ended:
			return err == io.EOF
		default:
			return false
		}
	}, 10*time.Second, 10*time.Millisecond)
}
