package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"redoubt.example/services/ingestion/internal/documents"
	"redoubt.example/services/ingestion/internal/httpapi"
	"redoubt.example/services/ingestion/internal/peers"
	"redoubt.example/services/ingestion/internal/postgres"
	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/boundarytest"
	"redoubt.example/services/platform/databasetest"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/upstream"
)

func TestMain(m *testing.M) { os.Exit(databasetest.Main(m)) }

// service is ingestion as the mesh sees it: the real boundary, policy, clients and database; peers that speak the
// real protocols.
type service struct {
	*boundarytest.Harness
	t            *testing.T
	intake       *documents.Intake
	store        documents.Store
	payments     *payments
	inference    *inference
	notification *notification
	ahead        *atomic.Int64 // of the clock
	outcomes     *sync.Map     // of notifications
}

// serve starts a service whose users share a wallet. wrap may stand between the intake and its store.
func serve(t *testing.T, balance int64, wrap func(documents.Store) documents.Store) service {
	t.Helper()
	app, _ := databasetest.Open(t, "ingestion", postgres.Migrations)
	s := service{Harness: boundarytest.New(t, "ingestion", nil), t: t, store: postgres.New(app), payments: newPayments(balance),
		inference: &inference{entered: make(chan struct{}, 1)}, notification: &notification{}, ahead: &atomic.Int64{}, outcomes: &sync.Map{}}
	mesh := network{t.TempDir()}
	mesh.serve(t, "payments", s.payments)
	mesh.serve(t, "notification", s.notification)
	s.inference.serve(t, mesh)
	conn, err := upstream.GRPC(mesh, "inference")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	if wrap != nil {
		s.store = wrap(s.store)
	}
	s.intake = documents.New(documents.Config{
		Store:      s.store,
		Payments:   peers.Payments{Client: upstream.HTTP(mesh, "payments")},
		Classifier: peers.Inference{Client: inferencev1.NewInferenceServiceClient(conn)},
		Notifier:   peers.Notification{Client: upstream.HTTP(mesh, "notification")},
		Allow:      httpapi.Allow,
		Notified:   func(outcome string) { s.outcomes.Store(outcome, true) },
		Now:        func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
	})
	server, err := httpserver.New(s.Config, httpapi.Routes(s.intake)...)
	require.NoError(t, err)
	s.Serve(server.Serve)
	return s
}

// call is one request: who sends it, for whom, and what.
type call struct {
	caller, user, scope string
	method, path, key   string
	body                string
}

func (s service) send(ctx context.Context, c call) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, c.method, "http://ingestion"+c.path, strings.NewReader(c.body))
	require.NoError(s.t, err)
	req.Header.Set("Content-Type", "application/json")
	if c.user != "" {
		req.Header.Set("Txn-Token", s.Token(c.user, c.scope))
	}
	if c.key != "" {
		req.Header.Set("Idempotency-Key", c.key)
	}
	return s.HTTP(c.caller).Do(req)
}

func (s service) do(c call) (status int, header http.Header, answer map[string]any) {
	s.t.Helper()
	resp, err := s.send(s.t.Context(), c)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(resp.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, json.Unmarshal(text.Bytes(), &answer), text.String())
	return resp.StatusCode, resp.Header, answer
}

func (s service) want(status int, c call) map[string]any {
	s.t.Helper()
	got, _, answer := s.do(c)
	require.Equal(s.t, status, got, "%v", answer)
	return answer
}

func post(user, text string) call {
	return call{caller: "gateway", user: user, scope: "documents:write", method: "POST", path: "/v1/documents",
		body: `{"title":"A letter","text":"` + text + `","metadata":{"from":"me"}}`}
}

func get(user, path string) call {
	return call{caller: "gateway", user: user, scope: "documents:read", method: "GET", path: path}
}
