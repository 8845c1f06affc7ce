package edge_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/edge"
	"redoubt.example/services/platform/upstream"
)

// services plays each upstream by itself, behind the clients that the gateway's main uses.
type services struct {
	t       *testing.T
	dir     string
	answer  map[string]http.HandlerFunc
	timeout time.Duration
}

// patience is what these tests' gateway waits for an upstream's response; long enough for a busy machine's good ones.
const patience = 2 * time.Second

func newServices(t *testing.T, answer map[string]http.HandlerFunc) *services {
	dir, err := os.MkdirTemp("", "edge") // a socket's path is short
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &services{t: t, dir: dir, answer: answer, timeout: patience}
	for name, handle := range answer {
		l, err := net.Listen("unix", filepath.Join(dir, name))
		require.NoError(t, err)
		server := httptest.NewUnstartedServer(handle)
		server.Listener = l
		server.Start()
		t.Cleanup(server.Close)
	}
	return s
}

// Dial implements upstream.Dialer.
func (s *services) Dial(ctx context.Context, name string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(s.dir, name))
}

// use makes them the gateway's.
func (s *services) use(c *edge.Config) {
	clients := map[string]*upstream.Client{}
	log, metrics := c.Log, c.Metrics
	c.Upstream = func(name string) http.RoundTripper {
		if clients[name] == nil {
			clients[name] = upstream.HTTP(s, name, upstream.WithLogger(log), upstream.WithMetrics(metrics), upstream.WithTimeout(s.timeout))
			s.t.Cleanup(clients[name].Close)
		}
		return clients[name].Transport()
	}
}

func (g *gateway) scrape() string {
	w := httptest.NewRecorder()
	g.Metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// state is a breaker's, on /metrics.
func state(upstream string, n int) string {
	return fmt.Sprintf(`redoubt_breaker_state{service="gateway",upstream=%q} %d`, upstream, n)
}

// TestFailingServiceIsIsolated: while payments is broken, others answer, payments is left alone, and once it is well again it is
// asked again.
func TestFailingServiceIsIsolated(t *testing.T) {
	var broken atomic.Bool
	var asked atomic.Int64
	broken.Store(true)
	s := newServices(t, map[string]http.HandlerFunc{
		"ingestion": fine,
		"payments": func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			if broken.Load() {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		},
	})
	g := newGateway(t, nil, s.use)
	token := g.Issuer.Token("alice", "documents:read account:read")
	require.Contains(t, g.scrape(), state("payments", 0))
	require.Eventually(t, func() bool {
		r := g.do("GET", "/v1/account", token, "")
		require.Equal(t, http.StatusNoContent, g.do("GET", "/v1/documents", token, "").StatusCode, "others answer")
		return r.Problem.Type == "tag:redoubt.example,2026:problem/breaker-open"
	}, 20*time.Second, time.Millisecond)
	require.Contains(t, g.scrape(), state("payments", 2), "open")
	require.Contains(t, g.scrape(), state("ingestion", 0), "closed")
	require.Contains(t, g.log.String(), `"upstream":"payments","from":"closed","to":"open"`)

	before := asked.Load()
	r := g.do("GET", "/v1/account", token, "")
	if r.Problem.Type == "tag:redoubt.example,2026:problem/breaker-open" { // a second has not yet passed
		require.Equal(t, http.StatusServiceUnavailable, r.StatusCode)
		require.NotEmpty(t, r.Header.Get("Retry-After"))
		require.LessOrEqual(t, asked.Load(), before+1, "it is left alone")
	}
	require.Contains(t, g.scrape(), `redoubt_breaker_rejected_total{service="gateway",upstream="payments"}`)

	broken.Store(false)
	require.Eventually(t, func() bool {
		return g.do("GET", "/v1/account", token, "").StatusCode == http.StatusNoContent && strings.Contains(g.scrape(), state("payments", 0))
	}, 20*time.Second, 10*time.Millisecond, "it is asked again, and the breaker closes")
}

// TestServiceThatHangsIsGivenUp: 504 after the upstream's time, not the whole request's; others answer meanwhile.
func TestServiceThatHangsIsGivenUp(t *testing.T) {
	hang := make(chan struct{})
	s := newServices(t, map[string]http.HandlerFunc{
		"ingestion": fine,
		"payments":  func(_ http.ResponseWriter, r *http.Request) { <-hang },
	})
	t.Cleanup(func() { close(hang) })
	s.timeout = 300 * time.Millisecond
	g := newGateway(t, nil, s.use)
	token := g.Issuer.Token("carol", "documents:read payments:credit")
	answered := make(chan reply, 1)
	go func() {
		answered <- g.do("POST", "/v1/transfers/"+exampleID+"/refund", g.Issuer.Token("carol", "payments:refund"), "")
	}()
	require.Equal(t, http.StatusNoContent, g.do("GET", "/v1/documents", token, "").StatusCode)
	select {
	case r := <-answered:
		require.Equal(t, http.StatusGatewayTimeout, r.StatusCode, r.Text)
		require.Equal(t, "payments took too long", r.Problem.Detail)
	case <-time.After(12 * time.Second):
		t.Fatal("it waits for the whole request's time")
	}
}

// TestOnlyWhatIsSafeIsTriedAgain: a GET, or what carries an idempotency key, of a service that is out for a moment.
func TestOnlyWhatIsSafeIsTriedAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		method, path, body string
		header             []string
		again              bool
	}{
		"GET":                {"GET", "/v1/documents", "", nil, true},
		"POST":               {"POST", "/v1/documents", draft, nil, false},
		"POST with a key":    {"POST", "/v1/documents", draft, []string{"Idempotency-Key", "k-1"}, true},
		"batch":              {"POST", "/v1/documents:batch", `{"documents":[` + draft + `]}`, nil, false},
		"batch with its key": {"POST", "/v1/documents:batch", `{"documents":[` + draft + `]}`, []string{"Idempotency-Key", "k-1"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int64
			s := newServices(t, map[string]http.HandlerFunc{"ingestion": func(w http.ResponseWriter, r *http.Request) {
				if tries.Add(1) == 1 {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				body := make([]byte, len(tc.body)+1)
				n, _ := r.Body.Read(body)
				if string(body[:n]) != tc.body {
					t.Errorf("the second try's body is %q", body[:n])
				}
				w.WriteHeader(http.StatusNoContent)
			}})
			g := newGateway(t, nil, s.use)
			r := g.do(tc.method, tc.path, g.Issuer.Token("alice", "documents:read documents:write"), tc.body, tc.header...)
			if tc.again {
				require.Equal(t, http.StatusNoContent, r.StatusCode, r.Text)
				require.EqualValues(t, 2, tries.Load())
				return
			}
			require.Equal(t, http.StatusServiceUnavailable, r.StatusCode, r.Text)
			require.EqualValues(t, 1, tries.Load())
		})
	}
}

// TestRetriesHaveABudget: a service of whose answers every third is bad, which opens no breaker, gets at most a fifth more requests.
func TestRetriesHaveABudget(t *testing.T) {
	var tries atomic.Int64
	s := newServices(t, map[string]http.HandlerFunc{"ingestion": func(w http.ResponseWriter, r *http.Request) {
		if tries.Add(1)%3 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}})
	g := newGateway(t, nil, s.use)
	token := g.Issuer.Token("alice", "documents:read")
	const all = 120
	failed := 0
	for range all {
		if g.do("GET", "/v1/documents", token, "").StatusCode != http.StatusNoContent {
			failed++
		}
	}
	require.LessOrEqual(t, tries.Load(), int64(all+10+all/5), "ten from the start, then one for five requests")
	require.Positive(t, failed, "what the budget doesn't allow")
	require.Regexp(t, `redoubt_upstream_retries_total\{service="gateway",upstream="ingestion"\} [1-9]`, g.scrape())
	require.Regexp(t, `redoubt_upstream_retries_refused_total\{service="gateway",upstream="ingestion"\} [1-9]`, g.scrape())
}
