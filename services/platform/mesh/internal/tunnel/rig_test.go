package tunnel_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/handover"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/meshtest"
	"redoubt.example/services/platform/mesh/internal/tunnel"
	"redoubt.example/services/platform/mesh/internal/unixsock"
	"redoubt.example/services/platform/mesh/spiffe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is the inbound half of payments' sidecar with an app behind it, and the outbound half of the gateway's.
type rig struct {
	ca   *meshtest.CA
	log  *meshtest.Log
	own  identity.Store // payments
	peer identity.Store // gateway

	denied   atomic.Bool            // the intention gateway -> payments
	reached  atomic.Int64           // connections that came to the app
	port     string                 // payments' mesh port
	at       atomic.Pointer[string] // where the gateway looks for it
	upstream string                 // the gateway's socket for payments
	in, out  *tunnel.Streams

	appSocket string
	app       *unixsock.Listener
	stop      func()
}

// app is what payments does with a connection, after the header.
func newRig(t *testing.T, app func(caller spiffe.ID, c *net.UnixConn)) *rig {
	t.Helper()
	r := &rig{ca: meshtest.NewCA(t), log: meshtest.NewLog()}
	r.own.Set(r.ca.Identity(t, "payments"))
	r.peer.Set(r.ca.Identity(t, "gateway"))
	dir := t.TempDir()
	m := tunnel.NewMetrics(prometheus.NewRegistry())
	r.in, r.out = tunnel.NewStreams(r.log.Logger, m), tunnel.NewStreams(r.log.Logger, m)

	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	r.appSocket = filepath.Join(dir, "app.sock")
	var err error
	r.app, err = unixsock.Listen(r.appSocket)
	require.NoError(t, err)
	appListener := r.app
	running.Go(func() { r.runApp(appListener, app) })

	port, err := tunnel.Listen(ctx, "127.0.0.1:0")
	require.NoError(t, err)
	r.port = port.Addr().String()
	r.at.Store(&r.port)
	in := &tunnel.Inbound{Server: tunnel.NewServer(&r.own, r.authorize, r.log.Logger, m), Streams: r.in, AppSocket: r.appSocket, Log: r.log.Logger}
	running.Go(func() { in.Serve(ctx, port) })

	r.upstream = filepath.Join(dir, "up-payments.sock")
	up, err := unixsock.Listen(r.upstream)
	require.NoError(t, err)
	out := &tunnel.Outbound{Client: tunnel.NewClient(&r.peer, r.instances, r.log.Logger, m), Streams: r.out, Upstream: "payments", Log: r.log.Logger}
	running.Go(func() { out.Serve(ctx, up) })

	r.stop = sync.OnceFunc(func() {
		cancel()
		now, ended := context.WithCancel(context.Background())
		ended()
		r.out.Drain(now)
		r.in.Drain(now)
		appListener.Close()
		running.Wait()
	})
	t.Cleanup(r.stop)
	return r
}

func (r *rig) instances(string) ([]string, <-chan struct{}) { return []string{*r.at.Load()}, nil }

func (r *rig) authorize(caller spiffe.ID) error {
	if r.denied.Load() || caller.Service != "gateway" {
		return &identity.Refusal{Control: controls.MeshIntention, Reason: "no intention allows it", Caller: caller}
	}
	return nil
}

func (r *rig) runApp(ln *unixsock.Listener, app func(spiffe.ID, *net.UnixConn)) {
	var conns sync.WaitGroup
	defer conns.Wait()
	for {
		c, err := ln.AcceptUnix()
		if err != nil {
			return
		}
		conns.Go(func() {
			defer c.Close()
			r.reached.Add(1)
			if caller, _, err := handover.Read(c); err == nil {
				app(caller, c)
			}
		})
	}
}

// dial connects to payments as the gateway's app does.
func (r *rig) dial(t *testing.T) *net.UnixConn {
	t.Helper()
	c, err := unixsock.Dial(t.Context(), r.upstream)
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	t.Cleanup(func() { c.Close() })
	return c
}

func echo(caller spiffe.ID, c *net.UnixConn) {
	_, _ = io.WriteString(c, caller.String()+"\n")
	_, _ = io.Copy(struct{ io.Writer }{c}, c)
	_ = c.CloseWrite()
}
