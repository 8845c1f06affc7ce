// Package accept has the mesh's accept loop, and a listener whose connections are checked before anyone gets them.
package accept

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Serve hands each connection to handle, in a goroutine of its own, until ctx ends; it closes ln. It returns
// when all of them have returned; ctx ending doesn't end those.
func Serve(ctx context.Context, ln net.Listener, handle func(net.Conn)) error {
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
		case temporary(err):
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		default:
			return err
		}
	}
}

// temporary errors are of what a closing connection gives back, or of a peer that changed its mind.
func temporary(err error) bool {
	for _, e := range []error{unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.ENOSPC, unix.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Check turns what was accepted into what Accept returns, or closes it and returns an error. It gives up when
// ctx ends.
type Check func(ctx context.Context, c net.Conn) (net.Conn, error)

// Listener returns the connections that passed a check. Each is checked in its own goroutine: a slow one keeps
// nobody waiting.
type Listener struct {
	addr   net.Addr
	ctx    context.Context
	cancel context.CancelFunc
	passed chan net.Conn
	ended  chan struct{}
	err    error // why accepting ended; read it after ended
}

// New starts to accept from ln, which belongs to the listener from now on.
func New(ln net.Listener, check Check) *Listener {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Listener{addr: ln.Addr(), ctx: ctx, cancel: cancel, passed: make(chan net.Conn), ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		l.err = Serve(ctx, ln, func(c net.Conn) { l.pass(check(ctx, c)) })
	}()
	return l
}

func (l *Listener) pass(c net.Conn, err error) {
	if err != nil {
		return
	}
	select {
	case l.passed <- c:
	case <-l.ctx.Done():
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	if l.ctx.Err() != nil {
		return nil, net.ErrClosed
	}
	select {
	case c := <-l.passed:
		return c, nil
	case <-l.ended:
		if l.err != nil {
			return nil, l.err
		}
	case <-l.ctx.Done():
	}
	return nil, net.ErrClosed
}

// Close implements net.Listener. Connections that were accepted stay.
func (l *Listener) Close() error {
	l.cancel()
	<-l.ended
	return nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return l.addr }
