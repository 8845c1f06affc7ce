package e2e_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/leaks"
)

type secret struct {
	Kind     string     `json:"kind"`
	Holder   string     `json:"holder"`
	Instance string     `json:"instance"`
	ID       string     `json:"id"`
	Expires  *time.Time `json:"expires"`
}

// TestSecrets: what is leased, rotated, revoked and lost while the platform serves, with leases of a few seconds. It has the machine to itself:
// the slower requests are, the more of them a server that dies leaves with money held, which is given back after ten minutes.
func TestSecrets(t *testing.T) {
	l := up(t, "--lease-ttl", "8s")
	canaries := map[string]string{"access token": l.token(t, "alice")}
	t.Run("bad input", func(t *testing.T) { testSecretVerbs(t, l) })
	t.Run("list and audit", func(t *testing.T) { testSecretLists(t, l) })
	t.Run("rotation under load", func(t *testing.T) { testRotations(t, l) })
	t.Run("login revoked under load", func(t *testing.T) { testLoginRevoked(t, l) })
	t.Run("API key", func(t *testing.T) { testAPIKey(t, l, canaries) })
	t.Run("killed", func(t *testing.T) { testKilledHoldsNothing(t, l) })
	t.Run("service revoked", func(t *testing.T) { testServiceRevoked(t, l) })
	t.Run("PostgreSQL away", func(t *testing.T) { testPostgresAway(t, l) })
	t.Run("Vault away past the lease", func(t *testing.T) { testPastTheLease(t, l) })
	t.Run("nothing static", func(t *testing.T) { testNothingStatic(t, l, canaries) })
}

func (l *lab) secrets(t testing.TB) (all []secret) {
	t.Helper()
	got := l.run(t, "secrets", "list", "--json")
	require.Zero(t, got.code, got.stderr)
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &all))
	return all
}

// held are the IDs of what a holder has of a kind.
func held(all []secret, holder, kind string) (ids []string) {
	for _, s := range all {
		if s.Holder == holder && s.Kind == kind {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

func testSecretVerbs(t *testing.T, l *lab) {
	for _, args := range [][]string{
		{"revoke"}, {"revoke", "lease"}, {"revoke", "lease", "none"}, {"revoke", "token", "none"}, {"revoke", "key", "none"}, {"revoke", "service", "nobody"},
		{"revoke", "crown", "x"}, {"rotate", "db", "nobody"}, {"rotate", "db", "a", "b"}, {"rotate", "transit", "nokey"}, {"secrets"}, {"secrets", "steal"}, {"secrets", "seal", "it"}, {"secrets", "scan", "/no/such.tar"},
		{"apikey"}, {"apikey", "issue"}, {"apikey", "issue", "--user", "mallory", "--scope", "inbox:read"}, {"apikey", "issue", "--user", "alice"},
		{"apikey", "issue", "--user", "alice", "--scope", "payments:refund"}, {"apikey", "issue", "--user", "alice", "--scope", "inbox:read", "--ttl", "0s"},
		{"apikey", "revoke", "none"}, {"secrets", "audit", "--since", "-1s"},
	} {
		got := l.run(t, args...)
		require.Equal(t, 2, got.code, "%v: %s", args, got.stderr)
		require.LessOrEqual(t, strings.Count(strings.TrimSpace(got.stderr), "\n"), 1, got.stderr)
	}
}

func testSecretLists(t *testing.T, l *lab) {
	all := l.secrets(t)
	for _, service := range []string{"ingestion", "payments", "notification"} {
		require.NotEmpty(t, held(all, service, "database login"), service)
		require.Len(t, held(all, service, "vault token"), 1, service)
		require.NotEmpty(t, held(all, service, "mesh certificate"), service)
	}
	require.Empty(t, held(all, "modelstore", "database login"))
	got := l.run(t, "secrets", "audit", "--who", "payments", "--action", "lease", "--json")
	require.Zero(t, got.code, got.stderr)
	var events []struct {
		SPIFFE string `json:"spiffe_id"`
		Path   string `json:"path"`
	}
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &events))
	require.NotEmpty(t, events)
	require.Regexp(t, `^spiffe://.*/svc/payments$`, events[0].SPIFFE)
	require.Equal(t, "database/creds/payments", events[0].Path)
}

func testRotations(t *testing.T, l *lab) {
	load := l.load(t, 20)
	load.more(t, 20)
	for _, subject := range []string{"db", "transit", "token-key", "db"} {
		got := l.run(t, "rotate", subject, "--json")
		require.Zero(t, got.code, got.stderr)
		load.more(t, 40)
	}
	load.finish(t)
	l.requireNoRestarts(t)
}

// testLoginRevoked: what a thief may have is of no use at once, and its rightful holder gets another within moments.
func testLoginRevoked(t *testing.T, l *lab) {
	load := l.load(t, 20, repeatable...)
	load.more(t, 20)
	for _, service := range []string{"payments", "ingestion", "notification"} {
		gone := held(l.secrets(t), service, "database login")
		for _, id := range gone {
			require.Contains(t, []int{0, 2}, l.run(t, "revoke", "lease", id).code, "revoked, or replaced a moment ago")
		}
		require.Eventually(t, func() bool {
			now := held(l.secrets(t), service, "database login")
			return len(now) > 0 && disjoint(now, gone)
		}, 10*time.Second, 50*time.Millisecond, service)
		load.more(t, 20)
	}
	load.requireOnlyUnavailable(t)
	l.requireNoRestarts(t)
}

func testAPIKey(t *testing.T, l *lab, canaries map[string]string) {
	got := l.run(t, "apikey", "issue", "--user", "alice", "--scope", "documents:read", "--name", "ci", "--json")
	require.Zero(t, got.code, got.stderr)
	var key struct{ Key, Prefix string }
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &key))
	canaries["API key"] = key.Key
	ask := func(path string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.status.GatewayURL+path, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "ApiKey "+key.Key)
		res, err := l.client.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	require.Eventually(t, func() bool { return ask("/v1/documents") == http.StatusOK }, time.Second, 10*time.Millisecond)
	require.Equal(t, http.StatusForbidden, ask("/v1/account"))
	listed := l.run(t, "apikey", "list", "--json")
	require.Contains(t, listed.stdout, key.Prefix)
	require.NotContains(t, listed.stdout, key.Key)
	require.Zero(t, l.run(t, "apikey", "revoke", key.Prefix).code)
	require.Eventually(t, func() bool { return ask("/v1/documents") == http.StatusUnauthorized }, time.Second, 10*time.Millisecond)
}

func testKilledHoldsNothing(t *testing.T, l *lab) {
	before := l.secrets(t)
	l.refresh(t)
	for _, component := range []string{"payments", "payments.sidecar"} {
		require.NoError(t, syscall.Kill(l.component(t, component).PID, syscall.SIGKILL))
	}
	require.Eventually(t, func() bool {
		after := l.secrets(t)
		for _, kind := range []string{"vault token", "database login", "consul token"} {
			now := held(after, "payments", kind)
			if len(now) == 0 || !disjoint(now, held(before, "payments", kind)) {
				return false
			}
		}
		return true
	}, 15*time.Second, 200*time.Millisecond, "everything that the dead held is revoked, and the living have their own")
	l.served(t)
}

func disjoint(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return false
			}
		}
	}
	return true
}

// served waits until the platform takes a document.
func (l *lab) served(t testing.TB) {
	t.Helper()
	token := l.token(t, "alice")
	require.Eventually(t, func() bool {
		got, err := l.call(t, http.MethodPost, "/v1/documents", token, sample)
		return err == nil && got.status == http.StatusCreated
	}, 30*time.Second, 200*time.Millisecond)
}

func testServiceRevoked(t *testing.T, l *lab) {
	token := l.token(t, "alice")
	began := time.Now()
	require.Zero(t, l.run(t, "revoke", "service", "payments").code)
	require.Eventually(t, func() bool {
		got, err := l.call(t, http.MethodGet, "/v1/account", token, nil)
		return err == nil && got.status >= 500
	}, 2*time.Second, 10*time.Millisecond, "the mesh is closed")
	require.Less(t, time.Since(began), 2*time.Second)
	all := l.secrets(t)
	for _, kind := range []string{"vault token", "database login", "consul token"} {
		require.Empty(t, held(all, "payments", kind), kind)
	}
	require.NoFileExists(t, filepath.Join(l.runDir(t), "payments", "vault.jwt"))
	require.NoFileExists(t, filepath.Join(l.runDir(t), "payments", "consul.jwt"))
	require.Zero(t, l.run(t, "start", "payments").code)
	l.served(t)
}

func (l *lab) requireDegradedEnds(t testing.TB) {
	t.Helper()
	require.Eventually(t, func() bool { l.refresh(t); return l.status.Ready && len(l.status.Degraded) == 0 }, 30*time.Second, 200*time.Millisecond)
}

func testNothingStatic(t *testing.T, l *lab, canaries map[string]string) {
	token := l.token(t, "alice")
	got := l.must(t, http.MethodPost, "/v1/webhook-endpoints", token, map[string]any{"url": "https://hooks.example.com/", "events": []string{"*"}})
	require.Equal(t, http.StatusCreated, got.status, string(got.body))
	var endpoint struct{ Secret string }
	got.into(t, &endpoint)
	canaries["webhook secret"] = endpoint.Secret

	s := &leaks.Scanner{Canaries: canaries}
	l.refresh(t)
	for _, c := range l.status.Components {
		if c.PID != 0 {
			require.NoError(t, s.Process(c.PID, c.Name))
		}
	}
	require.NoError(t, s.RunDir(l.runDir(t)))
	require.NoError(t, s.Dir(l.dir))
	require.NoError(t, s.Repository("../.."))
	found := s.Result()
	require.Empty(t, found.Findings)
	require.GreaterOrEqual(t, found.Processes, 16)
	require.Greater(t, found.Files, 500)
	scan := l.run(t, "secrets", "scan")
	require.Zero(t, scan.code, scan.stdout+scan.stderr)
}
