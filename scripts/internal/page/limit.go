package page

import (
	"net"
	"sync"
)

// limited is a listener that closes connections beyond a number: a workload that was taken over can reach the port, and
// mustn't use up what the supervisor needs for the lab.
type limited struct {
	net.Listener
	room chan struct{}
}

func limit(l net.Listener, most int) net.Listener { return limited{l, make(chan struct{}, most)} }

// Accept implements net.Listener.
func (l limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.room <- struct{}{}:
			return &counted{Conn: c, left: sync.OnceFunc(func() { <-l.room })}, nil
		default:
			_ = c.Close()
		}
	}
}

type counted struct {
	net.Conn
	left func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.left()
	return c.Conn.Close()
}
