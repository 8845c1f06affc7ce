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

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/handover"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/meshtest"
	"redoubt.example/services/platform/mesh/internal/tunnel"
	"redoubt.example/services/platform/mesh/internal/unixsock"
	"redoubt.example/services/platform/mesh/spiffe"
)

// rig is the inbound half of payments' sidecar with an app behind it, and the outbound half of the gateway's.
type rig struct {
	*place
	ca   *meshtest.CA
	log  *meshtest.Log
	own  identity.Store // payments
	peer identity.Store // gateway

	denied   atomic.Bool // the intention gateway -> payments
	upstream string      // the gateway's socket for payments
	client   *tunnel.Client
	out      *tunnel.Streams
	metrics  *prometheus.Registry // of both
	stop     func()

	mu      sync.Mutex
	catalog []string // where the gateway looks for payments
	hung    []string // where it doesn't
	unknown bool
	changed chan struct{}
}

// place is one instance of payments.
type place struct {
	port      string // its mesh port
	listener  net.Listener
	in        *tunnel.Streams
	reached   atomic.Int64 // connections that came to the app
	appSocket string
	app       *unixsock.Listener
	stop      func()
}

// newRig starts both. app is what payments does with a connection, after the header.
func newRig(t testing.TB, app func(caller spiffe.ID, c *unixsock.Conn)) *rig {
	t.Helper()
	r := &rig{ca: meshtest.NewCA(t), log: meshtest.NewLog(), metrics: prometheus.NewRegistry(), changed: make(chan struct{})}
	r.own.Set(r.ca.Identity(t, "payments"))
	r.peer.Set(r.ca.Identity(t, "gateway"))
	m := tunnel.NewMetrics(r.metrics)
	r.place = r.start(t, m, app)
	r.announce(r.port)

	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	r.out = tunnel.NewStreams(r.log.Logger, m)
	r.upstream = filepath.Join(t.TempDir(), "up-payments.sock")
	up, err := unixsock.Listen(r.upstream)
	require.NoError(t, err)
	r.client = tunnel.NewClient(&r.peer, r.instances, r.log.Logger, m)
	running.Go(func() { r.client.Run(ctx) })
	out := &tunnel.Outbound{Client: r.client, Streams: r.out, Upstream: "payments", Log: r.log.Logger}
	running.Go(func() { out.Serve(ctx, up) })
	r.stop = sync.OnceFunc(func() {
		cancel()
		drainNow(r.out)
		r.place.stop()
		running.Wait()
	})
	t.Cleanup(r.stop)
	return r
}

// join adds an instance, without announcing it.
func (r *rig) join(t *testing.T, app func(caller spiffe.ID, c *unixsock.Conn)) *place {
	return r.start(t, tunnel.NewMetrics(prometheus.NewRegistry()), app)
}

func (r *rig) start(t testing.TB, m *tunnel.Metrics, app func(caller spiffe.ID, c *unixsock.Conn)) *place {
	t.Helper()
	p := &place{appSocket: filepath.Join(t.TempDir(), "app.sock"), in: tunnel.NewStreams(r.log.Logger, m)}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	var err error
	p.app, err = unixsock.Listen(p.appSocket)
	require.NoError(t, err)
	appListener := p.app
	running.Go(func() { p.runApp(appListener, app) })
	p.listener, err = tunnel.Listen(ctx, "127.0.0.1:0")
	require.NoError(t, err)
	p.port = p.listener.Addr().String()
	in := &tunnel.Inbound{Server: tunnel.NewServer(&r.own, r.authorize, r.log.Logger, m), Streams: p.in, AppSocket: p.appSocket, Log: r.log.Logger}
	running.Go(func() { in.Serve(ctx, p.listener) })
	p.stop = sync.OnceFunc(func() {
		cancel()
		drainNow(p.in)
		appListener.Close()
		running.Wait()
	})
	t.Cleanup(p.stop)
	return p
}

// drainNow closes all streams.
func drainNow(s *tunnel.Streams) {
	now, ended := context.WithCancel(context.Background())
	ended()
	s.Drain(now)
}

// announce is what the catalog says from now on.
func (r *rig) announce(addresses ...string) { r.announceHung(nil, addresses...) }

func (r *rig) announceHung(hung []string, addresses ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.catalog, r.hung = addresses, hung
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *rig) instances(string) (healthy, hung []string, known bool, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.catalog, r.hung, !r.unknown, r.changed
}

func (r *rig) authorize(caller spiffe.ID) error {
	if r.denied.Load() || caller.Service != "gateway" {
		return &identity.Refusal{Control: controls.MeshIntention, Reason: "no intention allows it", Caller: caller}
	}
	return nil
}

func (r *place) runApp(ln *unixsock.Listener, app func(spiffe.ID, *unixsock.Conn)) {
	var conns sync.WaitGroup
	defer conns.Wait()
	for {
		accepted, err := ln.Accept()
		if err != nil {
			return
		}
		c := accepted.(*unixsock.Conn)
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
func (r *rig) dial(t *testing.T) *unixsock.Conn {
	t.Helper()
	c, err := unixsock.Dial(t.Context(), r.upstream)
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	t.Cleanup(func() { c.Close() })
	return c
}

// straight connects to the app itself, as its sidecar does.
func (r *rig) straight() (net.Conn, error) {
	c, err := net.Dial("unix", r.appSocket)
	if err != nil {
		return nil, err
	}
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	header, err := handover.Header(meshtest.ID("gateway"), from, from)
	if err == nil {
		_, err = c.Write(header)
	}
	return c, err
}

func echo(caller spiffe.ID, c *unixsock.Conn) {
	_, _ = io.WriteString(c, caller.String()+"\n")
	_, _ = io.Copy(struct{ io.Writer }{c}, c)
	_ = c.CloseWrite()
}
