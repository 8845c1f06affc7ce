package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/notification/internal/egress"
	"redoubt.example/services/notification/internal/httpapi"
	"redoubt.example/services/notification/internal/message"
	"redoubt.example/services/notification/internal/postgres"
	"redoubt.example/services/notification/internal/webhook"
	"redoubt.example/services/platform/boundarytest"
	"redoubt.example/services/platform/databasetest"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/secrets"
	"redoubt.example/services/platform/telemetry"
)

func TestMain(m *testing.M) { os.Exit(databasetest.Main(m)) }

// fast is a policy for tests: the same decisions, without the waiting.
var fast = webhook.Policy{Attempts: 8, Rejections: 3, Base: time.Millisecond, Max: 10 * time.Millisecond, Factor: 2}

// service is notification as the mesh sees it: the real boundary, policy, database and Vault.
type service struct {
	*boundarytest.Harness
	t     *testing.T
	owner *pgxpool.Pool // what the migration may do, to look behind the scenes
}

// serve serves notification; allow is what its webhooks may reach inside.
func serve(t *testing.T, allow ...string) service {
	t.Helper()
	h := boundarytest.New(t, "notification", nil)
	app, owner := databasetest.Open(t, "notification", postgres.Migrations)
	env := controlplanetest.Start(t)
	vault, err := secrets.Login(t.Context(), secrets.Config{Addr: env.VaultAddr, CAFile: env.CAFile,
		JWTFile: env.JWTFile("notification", "vault"), Role: "notification"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, vault.Close(context.Background())) })
	targets, err := webhook.NewTargets(allow)
	require.NoError(t, err)

	store, sealer := postgres.New(app), vault.Envelope("notification")
	sources := webhook.NewSources(store, sealer)
	require.NoError(t, sources.Refresh(t.Context()))
	dispatcher := webhook.NewDispatcher(store, egress.New(egress.Config{Targets: targets}), sealer, fast)
	background(t, h, dispatcher.Run)
	s, err := httpserver.New(h.Config, httpapi.API{
		Inbox:     message.Inbox{Store: store, Wake: dispatcher.Wake},
		Endpoints: webhook.Endpoints{EndpointStore: store, Targets: targets, Sealer: sealer},
		Sources:   sources,
		Receiver:  webhook.Receiver{Sources: sources, Store: store, Now: time.Now},
	}.Routes()...)
	require.NoError(t, err)
	h.Serve(s.Serve)
	return service{h, t, owner}
}

func background(t *testing.T, h *boundarytest.Harness, run func(context.Context) error) {
	ctx, stop := context.WithCancel(telemetry.WithLogger(context.WithoutCancel(t.Context()), h.Config.Log))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
}

// call is one request: who sends it, for whom, and what.
type call struct {
	caller, user, scope string
	method, path, body  string
	header              http.Header
}

func (s service) do(c call) (status int, answer map[string]any, header http.Header) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), c.method, "http://notification"+c.path, strings.NewReader(c.body))
	require.NoError(s.t, err)
	req.Header.Set("Content-Type", "application/json")
	for name, values := range c.header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	if c.user != "" {
		req.Header.Set("Txn-Token", s.Token(c.user, c.scope))
	}
	resp, err := s.HTTP(c.caller).Do(req)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	if len(text) > 0 {
		require.NoError(s.t, json.Unmarshal(text, &answer), string(text))
	}
	return resp.StatusCode, answer, resp.Header
}

func (s service) want(status int, c call) map[string]any {
	s.t.Helper()
	got, answer, _ := s.do(c)
	require.Equal(s.t, status, got, "%v", answer)
	return answer
}

func notify(user, body string) call {
	return call{caller: "ingestion", user: user, scope: "documents:write", method: "POST", path: "/v1/notifications", body: body}
}

func inbox(user, query string) call {
	return call{caller: "gateway", user: user, scope: "inbox:read", method: "GET", path: "/v1/inbox" + query}
}

func endpoint(user, url string, events ...string) call {
	body, _ := json.Marshal(map[string]any{"url": url, "events": events})
	return call{caller: "gateway", user: user, scope: "webhooks:write", method: "POST", path: "/v1/webhook-endpoints", body: string(body)}
}

func source(name string) call {
	return call{caller: "gateway", user: "carol", scope: "webhooks:admin", method: "POST", path: "/v1/webhook-sources", body: `{"name":"` + name + `"}`}
}

func incoming(source string, h webhook.Headers, body string) call {
	header := http.Header{}
	for name, value := range map[string]string{"webhook-id": h.ID, "webhook-timestamp": h.Timestamp, "webhook-signature": h.Signature} {
		if value != "" {
			header.Set(name, value)
		}
	}
	return call{caller: "gateway", method: "POST", path: "/v1/webhooks/" + source, body: body, header: header}
}

// receiver is somebody's webhook endpoint.
type receiver struct {
	*httptest.Server
	hostPort string
	status   atomic.Int32

	mu  sync.Mutex
	got []received
}

type received struct {
	webhook.Headers
	body []byte
}

func newReceiver(t *testing.T, status int) *receiver {
	r := &receiver{}
	r.status.Store(int32(status))
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		h := webhook.Headers{ID: req.Header.Get("webhook-id"), Timestamp: req.Header.Get("webhook-timestamp"), Signature: req.Header.Get("webhook-signature")}
		r.mu.Lock()
		r.got = append(r.got, received{h, body})
		r.mu.Unlock()
		w.WriteHeader(int(r.status.Load()))
	}))
	t.Cleanup(r.Close)
	r.hostPort = strings.TrimPrefix(r.URL, "http://")
	return r
}

func (r *receiver) received() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.got...)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 20*time.Second, 10*time.Millisecond, what)
}
