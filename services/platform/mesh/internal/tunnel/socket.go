package tunnel

import (
	"context"
	"net"
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
