// Package boundarytest lets a test call a service's routes as the mesh does: over the real socket, with the
// PROXY header that a sidecar writes, and with real transaction tokens. Nothing of the boundary is faked.
package boundarytest

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pires/go-proxyproto"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/boundary"
	"redoubt.example/services/platform/mesh"
	"redoubt.example/services/platform/policy"
	"redoubt.example/services/platform/telemetry"
)

// TrustDomain is that of every caller and token.
const TrustDomain = "11111111-2222-3333-4444-555555555555.consul"

// Harness is the surroundings of one service under test.
type Harness struct {
	t      testing.TB
	minter *authn.Minter
	logs   *buffer
	// RunDir is the workload's run folder, where app.sock is.
	RunDir string
	// Config is what httpserver.New and grpcserver.New need.
	Config boundary.Config
}

// New returns the surroundings of a workload. top is nil for topology.yaml.
func New(t testing.TB, workload string, top *topology.Topology) *Harness {
	t.Helper()
	if top == nil {
		var err error
		top, err = topology.Load()
		require.NoError(t, err)
	}
	decider, err := policy.New(t.Context(), workload, top)
	require.NoError(t, err)
	minter, err := authn.NewMinter(TrustDomain)
	require.NoError(t, err)
	h := &Harness{t: t, RunDir: t.TempDir(), minter: minter, logs: &buffer{}}
	h.Config = boundary.Config{
		Workload: workload,
		Log:      telemetry.NewLogger(h.logs, workload, "debug"),
		Metrics:  telemetry.NewMetrics(workload),
		Verifier: authn.NewVerifier(func(context.Context) ([]byte, error) { return h.PublicKeys() }),
		Policy:   decider,
		Topology: top,
	}
	return h
}

// Serve opens the workload's mesh listener and has serve serve it until the test ends.
func (h *Harness) Serve(serve func(context.Context, net.Listener) error) {
	h.t.Helper()
	m, err := mesh.Open(h.t.Context(), mesh.Config{Workload: h.Config.Workload, RunDir: h.RunDir, Mode: "sidecar", Log: h.Config.Log})
	require.NoError(h.t, err)
	l, err := m.Listen()
	require.NoError(h.t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(h.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l) }()
	h.t.Cleanup(func() {
		stop()
		require.NoError(h.t, <-ended)
		require.NoError(h.t, m.Close())
	})
}

// Dial connects to the workload as its sidecar does for the named caller; "" writes no header at all.
func (h *Harness) Dial(ctx context.Context, caller string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", filepath.Join(h.RunDir, "app.sock"))
	if err != nil || caller == "" {
		return c, err
	}
	header := proxyproto.HeaderProxyFromAddrs(2, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 40000}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 40001})
	id := mesh.ID{TrustDomain: TrustDomain, Datacenter: "dc1", Service: caller}
	if err := header.SetTLVs([]proxyproto.TLV{{Type: proxyproto.PP2_TYPE_MIN_CUSTOM, Value: []byte(id.String())}}); err != nil {
		return nil, err
	}
	if _, err := header.WriteTo(c); err != nil {
		return nil, err
	}
	return c, nil
}

// HTTP returns a client whose requests come from the named caller, whatever their URL's host.
func (h *Harness) HTTP(caller string) *http.Client {
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return h.Dial(ctx, caller) }}
	h.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t}
}

// Token returns a transaction token as the gateway mints it, for a transaction of the first edge route that takes
// one of the scopes.
func (h *Harness) Token(subject string, scopes ...string) string {
	h.t.Helper()
	return h.TokenOf(h.entry(scopes), subject, scopes...)
}

func (h *Harness) entry(scopes []string) string {
	for _, e := range h.Config.Topology.Edge {
		for _, s := range scopes {
			if slices.Contains(e.Scopes, s) {
				return e.Route
			}
		}
	}
	return "GET /v1/unrelated"
}

// TokenOf is Token for a transaction that began at the given edge route.
func (h *Harness) TokenOf(entry, subject string, scopes ...string) string {
	h.t.Helper()
	gateway := mesh.ID{TrustDomain: TrustDomain, Datacenter: "dc1", Service: "gateway"}
	raw, err := h.minter.Mint(authn.Grant{Txn: telemetry.NewRequestID(), Subject: subject, Scopes: scopes, Entry: entry, Requester: gateway.String()})
	require.NoError(h.t, err)
	return raw
}

// PublicKeys returns what verifies those tokens: the gateway's JWK Set.
func (h *Harness) PublicKeys() ([]byte, error) { return h.minter.PublicKeys() }

// Logged returns the log lines so far that contain all of the texts.
func (h *Harness) Logged(texts ...string) []string {
	var found []string
lines:
	for line := range strings.Lines(h.logs.String()) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue lines
			}
		}
		found = append(found, line)
	}
	return found
}

// buffer is a bytes.Buffer for concurrent use.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
