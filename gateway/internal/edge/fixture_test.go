package edge_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"redoubt.example/gateway/internal/accesstoken"
	"redoubt.example/gateway/internal/edge"
	"redoubt.example/gateway/internal/oidctest"
	"redoubt.example/gateway/internal/rpc"
	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/apikey"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/pseudonym"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/upstream"
)

const (
	trustDomain = "11111111-2222-3333-4444-555555555555.consul"
	self        = "spiffe://" + trustDomain + "/ns/default/dc/dc1/svc/gateway"
)

// names are what clients are called in the log.
var names = pseudonym.New([]byte("key"))

// gateway is the public API over TLS, before an issuer and upstreams that speak the real protocols.
type gateway struct {
	peer      string // our address, of the last connection that a test dialled itself
	t         *testing.T
	URL       string
	Client    *http.Client
	Issuer    *oidctest.Issuer
	Minter    *authn.Minter
	Inference *inference
	Metrics   *telemetry.Metrics
	log       *buffer
	dir       string
}

// newGateway serves topology.yaml's routes. answer plays every HTTP upstream; nil: none is there.
func newGateway(t *testing.T, answer http.HandlerFunc, changes ...func(*edge.Config)) *gateway {
	t.Helper()
	return newGatewayWith(t, nil, answer, changes...)
}

// newGatewayWith also accepts API keys.
func newGatewayWith(t *testing.T, keys *apikey.Set, answer http.HandlerFunc, changes ...func(*edge.Config)) *gateway {
	t.Helper()
	g := &gateway{t: t, Issuer: oidctest.New(t), Inference: &inference{}, Metrics: telemetry.NewMetrics("gateway"), log: &buffer{}, dir: t.TempDir()}
	var err error
	g.Minter, err = authn.NewMinter(trustDomain)
	require.NoError(t, err)
	log := telemetry.NewLogger(g.log, "gateway", "info")
	top, err := topology.Load()
	require.NoError(t, err)

	cfg := edge.Config{
		Tokens: g.tokens(), Names: names, Log: log, Metrics: g.Metrics, Ready: func() error { return nil },
		Mint:     func(grant authn.Grant) (string, error) { grant.Requester = self; return g.Minter.Mint(grant) },
		RPC:      rpc.Handlers(inferencev1.NewInferenceServiceClient(g.serveInference())),
		Upstream: g.upstreams(answer, log),
		Contract: describedAPI(t),
	}
	for _, change := range changes {
		change(&cfg)
	}
	if keys != nil {
		cfg.Keys = keys
	}
	for _, r := range top.Edge {
		cfg.Routes = append(cfg.Routes, edge.Route(r))
	}
	api, err := edge.New(cfg)
	require.NoError(t, err)
	g.serve(api, log)
	return g
}

func (g *gateway) tokens() *accesstoken.Verifier {
	v := accesstoken.New(accesstoken.Config{Issuer: g.Issuer.URL, Audience: oidctest.Audience, SubjectClaim: "username", Client: g.Issuer.Client, Name: names.Token})
	g.background(v.Run)
	require.Eventually(g.t, func() bool { return v.Ready() == nil }, 5*time.Second, time.Millisecond)
	return v
}

// background runs f until the test ends, and waits for it.
func (g *gateway) background(f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	g.t.Cleanup(func() { cancel(); require.NoError(g.t, <-ended) })
}

// Dial implements upstream.Dialer over unix sockets, as a sidecar offers them.
func (g *gateway) Dial(ctx context.Context, name string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(g.dir, name))
}

func (g *gateway) upstreams(answer http.HandlerFunc, log *slog.Logger) func(string) http.RoundTripper {
	clients := map[string]*upstream.Client{}
	return func(name string) http.RoundTripper {
		if clients[name] == nil {
			if answer != nil {
				g.listen(name, answer)
			}
			clients[name] = upstream.HTTP(g, name, upstream.WithLogger(log))
			g.t.Cleanup(clients[name].Close)
		}
		return clients[name].Transport()
	}
}

func (g *gateway) listen(name string, h http.Handler) {
	l, err := net.Listen("unix", filepath.Join(g.dir, name))
	require.NoError(g.t, err)
	s := httptest.NewUnstartedServer(h)
	s.Listener = l
	s.Start()
	g.t.Cleanup(s.Close)
}

func (g *gateway) serveInference() *grpc.ClientConn {
	l, err := net.Listen("unix", filepath.Join(g.dir, "inference"))
	require.NoError(g.t, err)
	s := grpc.NewServer()
	inferencev1.RegisterInferenceServiceServer(s, g.Inference)
	go func() { _ = s.Serve(l) }()
	g.t.Cleanup(s.Stop)
	conn, err := upstream.GRPC(g, "inference")
	require.NoError(g.t, err)
	g.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// serve uses httptest's certificate and the real server.
func (g *gateway) serve(api http.Handler, log *slog.Logger) {
	s := httptest.NewUnstartedServer(nil) // for its certificate, and a client that trusts it
	s.EnableHTTP2 = true
	s.StartTLS()
	certificate := s.TLS.Certificates[0]
	g.Client = s.Client()
	s.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(g.t, err)
	g.URL = "https://" + l.Addr().String()
	config := edge.TLS(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certificate, nil })
	g.background(func(ctx context.Context) error { return edge.Serve(ctx, l, config, api, log) })
	g.t.Cleanup(g.Client.CloseIdleConnections)
}

// http1 keeps the client from HTTP/2. Call it before the first request.
func (g *gateway) http1() {
	t := g.Client.Transport.(*http.Transport).Clone()
	t.ForceAttemptHTTP2, t.TLSClientConfig.NextProtos = false, []string{"http/1.1"}
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	g.Client = &http.Client{Transport: t}
	g.t.Cleanup(t.CloseIdleConnections)
}

// reply is a response, read whole.
type reply struct {
	*http.Response
	Text    string
	Problem fault.Problem
}

// do sends a request with a token, unless that is "", and extra headers as key, value.
func (g *gateway) do(method, path, token, body string, header ...string) reply {
	g.t.Helper()
	var in io.Reader
	if body != "" {
		in = bytes.NewBufferString(body)
	}
	req, err := http.NewRequest(method, g.URL+path, in)
	require.NoError(g.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	return g.send(req)
}

func (g *gateway) send(req *http.Request) reply {
	g.t.Helper()
	resp, err := g.Client.Do(req)
	require.NoError(g.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(g.t, err)
	r := reply{Response: resp, Text: string(text)}
	if resp.StatusCode >= 400 {
		require.Equal(g.t, fault.ContentType, resp.Header.Get("Content-Type"), r.Text)
		fitsSchema(g.t, "Problem", r.Text)
		require.NoError(g.t, json.Unmarshal(text, &r.Problem))
		require.Equal(g.t, resp.StatusCode, r.Problem.Status)
		require.Equal(g.t, resp.Header.Get(telemetry.RequestIDHeader), r.Problem.Instance)
	}
	return r
}

// requireDecision finds the control's decision record for the response's request.
func (g *gateway) requireDecision(r reply, control string) map[string]any {
	g.t.Helper()
	id := r.Header.Get(telemetry.RequestIDHeader)
	require.NotEmpty(g.t, id)
	for _, record := range g.log.records(g.t) {
		if record["msg"] == controls.Message && record["request_id"] == id && record["control"] == control {
			require.Equal(g.t, controls.Deny, record["decision"])
			return record
		}
	}
	require.Failf(g.t, "no decision record", "of %s for %s in:\n%s", control, id, g.log.String())
	return nil
}

// requirePeerDecision waits for the record of what never became a request, by its sender's address: the connection's end
// is recorded after its sender has seen it. No other control has one.
func (g *gateway) requirePeerDecision(peer, control string) {
	g.t.Helper()
	var found []any
	require.Eventually(g.t, func() bool {
		found = nil
		for _, record := range g.log.records(g.t) {
			if record["msg"] == controls.Message && record["peer"] == peer {
				found = append(found, record["control"])
			}
		}
		return len(found) > 0
	}, 10*time.Second, 10*time.Millisecond, "no decision about %s", peer)
	require.Equal(g.t, []any{control}, found)
}

// buffer is a log that may be written and read at once.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *buffer) records(t *testing.T) []map[string]any {
	t.Helper()
	var all []map[string]any
	dec := json.NewDecoder(bytes.NewBufferString(b.String()))
	for dec.More() {
		var record map[string]any
		require.NoError(t, dec.Decode(&record))
		all = append(all, record)
	}
	return all
}
