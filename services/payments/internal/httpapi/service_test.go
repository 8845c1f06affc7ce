package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/payments/internal/httpapi"
	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/payments/internal/postgres"
	"redoubt.example/services/platform/boundarytest"
	"redoubt.example/services/platform/databasetest"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/secrets"
)

func TestMain(m *testing.M) { os.Exit(databasetest.Main(m)) }

// service is payments as the mesh sees it: the real boundary, policy, ledger and database.
type service struct {
	*boundarytest.Harness
	t        *testing.T
	env      *controlplanetest.Env
	app      *pgxpool.Pool
	store    *postgres.Store
	envelope *secrets.Envelope
}

func serve(t *testing.T) service {
	t.Helper()
	h := boundarytest.New(t, "payments", nil)
	app, _ := databasetest.Open(t, "payments", postgres.Migrations)
	env := controlplanetest.Start(t)
	vault, err := secrets.Login(t.Context(), secrets.Config{Addr: env.VaultAddr, CAFile: env.CAFile,
		JWTFile: env.JWTFile("payments", "vault"), Role: "payments"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, vault.Close(context.Background())) })
	store, envelope := postgres.New(app), vault.Envelope("payments")
	book := ledger.New(ledger.Config{Store: store, Allow: httpapi.Allow, HoldFor: time.Minute, Now: time.Now})
	s, err := httpserver.New(h.Config, httpapi.Routes(book, ledger.References{Store: store, Sealer: envelope})...)
	require.NoError(t, err)
	h.Serve(s.Serve)
	return service{h, t, env, app, store, envelope}
}

// call is one request: who sends it, for whom, and what.
type call struct {
	caller, user, scope string
	method, path, key   string
	body                string
}

func (s service) do(c call) (status int, answer map[string]any) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), c.method, "http://payments"+c.path, strings.NewReader(c.body))
	require.NoError(s.t, err)
	req.Header.Set("Content-Type", "application/json")
	if c.user != "" {
		req.Header.Set("Txn-Token", s.Token(c.user, c.scope))
	}
	if c.key != "" {
		req.Header.Set("Idempotency-Key", c.key)
	}
	resp, err := s.HTTP(c.caller).Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(resp.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, json.Unmarshal(text.Bytes(), &answer), text.String())
	return resp.StatusCode, answer
}

func (s service) want(status int, c call) map[string]any {
	s.t.Helper()
	got, answer := s.do(c)
	require.Equal(s.t, status, got, "%v", answer)
	return answer
}

func credit(to string) call {
	return call{caller: "gateway", user: "carol", scope: "payments:credit", method: "POST", path: "/v1/transfers",
		key: uuid.NewString(), body: `{"to":"` + to + `","amount":10,"memo":"welcome"}`}
}

func authorize(user, amount string) call {
	return call{caller: "ingestion", user: user, scope: "documents:write", method: "POST", path: "/v1/authorizations",
		key: uuid.NewString(), body: `{"amount":` + amount + `,"reference":"document"}`}
}

func end(how, user string, id any) call {
	return call{caller: "ingestion", user: user, scope: "documents:write", method: "POST",
		path: "/v1/authorizations/" + id.(string) + "/" + how, body: "{}"}
}

func settle(caller string, id any) call {
	return call{caller: caller, method: "POST", path: "/v1/settlements", body: `{"authorization_id":"` + id.(string) + `","outcome":"capture"}`}
}

func refund(id string) call {
	return call{caller: "gateway", user: "carol", scope: "payments:refund", method: "POST", path: "/v1/transfers/" + id + "/refund"}
}

func account(user, path string) call {
	return call{caller: "gateway", user: user, scope: "account:read", method: "GET", path: path}
}
