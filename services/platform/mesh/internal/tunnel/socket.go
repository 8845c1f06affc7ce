package tunnel

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// keepAlive finds a peer that vanished without a word within a minute.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}

// Listen opens the port where peers connect. Port 0 takes a free one.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: keepAlive, Control: boundUnacknowledged}
	return lc.Listen(ctx, "tcp", address)
}

// boundUnacknowledged ends a connection whose peer takes no byte for two minutes (TCP_USER_TIMEOUT), so that a
// blocked writer can't stay for ever. Accepted connections inherit it.
func boundUnacknowledged(_, _ string, c syscall.RawConn) error {
	var err error
	const limit = 2 * time.Minute
	if cerr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(limit.Milliseconds()))
	}); cerr != nil {
		return cerr
	}
	return err
}

// serve hands each connection to handle, in a goroutine of its own, until ctx ends. It returns when all
// of them have returned; ctx ending doesn't end those.
func serve(ctx context.Context, ln net.Listener, handle func(net.Conn)) error {
	var handlers sync.WaitGroup
	defer handlers.Wait()
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	for {
		c, err := ln.Accept()
		switch {
		case err == nil:
			handlers.Go(func() { handle(c) })
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.ENOMEM), errors.Is(err, unix.ECONNABORTED):
			// Out of something that a closing connection gives back.
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		default:
			return err
		}
	}
}
