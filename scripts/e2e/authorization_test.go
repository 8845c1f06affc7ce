package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/tap"
)

const documentsEntry = "POST /v1/documents"

// TestAuthorization asks the running platform, as each of its services, for everything.
func TestAuthorization(t *testing.T) {
	t.Parallel()
	l := up(t)
	top, err := topology.Load()
	require.NoError(t, err)
	alice := l.token(t, "alice")
	w := l.tap(t, "ingestion", "payments")
	for _, order := range []string{"stop", "start"} { // so that it connects anew, through the tap
		require.Zero(t, l.run(t, order, "ingestion").code)
	}
	traffic := func() { require.Equal(t, http.StatusCreated, l.must(t, "POST", "/v1/documents", alice, sample).status) }
	intruders := map[string]*intruder{}
	for _, name := range top.Names() {
		intruders[name] = l.intrude(t, name)
	}
	table := whoGetsWhat(t)
	fresh(t, w, traffic) // where no token passes, the rest is in vain
	t.Run("who gets what", func(t *testing.T) {
		for _, caller := range top.Names() {
			for _, service := range top.Names() {
				if caller == service {
					continue
				}
				t.Run(caller+" at "+service, func(t *testing.T) {
					if !slices.Contains(top.Callers(service), caller) {
						testNoConnection(t, l, intruders[caller], service)
						for _, r := range top.Services[service].Routes {
							require.Equal(t, "mesh", table[[3]string{service, r.Route, caller}], r.Route)
						}
						return
					}
					for _, r := range top.Services[service].Routes {
						testRoute(t, top, intruders[caller], service, r, table[[3]string{service, r.Route, caller}], fresh(t, w, traffic))
					}
				})
			}
		}
	})
	t.Run("Consul takes the rendered intentions", func(t *testing.T) { testIntentions(t, l) })
	t.Run("no confusion", func(t *testing.T) { testConfusion(t, l, intruders, w, traffic) })
	t.Run("external credentials mean nothing inside", func(t *testing.T) { testExternal(t, intruders["ingestion"], alice, fresh(t, w, traffic)) })
	t.Run("an expired token", func(t *testing.T) { testExpired(t, intruders["ingestion"], fresh(t, w, traffic)) })
	t.Run("a frozen account receives and doesn't spend", func(t *testing.T) { testAccountState(t, l, alice) })
	t.Run("policy changes without a restart, and bad ones are refused", func(t *testing.T) { testPolicyChange(t, l, alice) })
	t.Run("denials are on record, without personal data", func(t *testing.T) { testRecords(t, l) })
}

// outcome is what a request met: "mesh", "unauthenticated", "denied" or "in".
func (i *intruder) outcome(t testing.TB, service, route, token string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	method, path, isHTTP := strings.Cut(route, " ")
	if !isHTTP {
		if token != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "txn-token", token)
		}
		switch err := i.grpc(t, service).Invoke(ctx, route, &emptypb.Empty{}, &emptypb.Empty{}, grpc.WaitForReady(false)); grpcstatus.Code(err) {
		case codes.Unavailable:
			return "mesh"
		case codes.Unauthenticated:
			return "unauthenticated"
		case codes.PermissionDenied:
			return "denied"
		}
		return "in"
	}
	for _, parameter := range []string{"{id}", "{name}", "{version}", "{source}", "{digest}", "{owner}"} {
		path = strings.ReplaceAll(path, parameter, "0198c0de-0000-7000-8000-000000000000")
	}
	code, _ := i.send(ctx, t, method, "http://"+service+path, map[string]string{"Txn-Token": token}, nil)
	switch code {
	case 0:
		return "mesh"
	case http.StatusUnauthorized:
		return "unauthenticated"
	case http.StatusForbidden:
		return "denied"
	}
	return "in"
}

// send returns 0 where no connection was to be had.
func (i *intruder) send(ctx context.Context, t testing.TB, method, url string, header map[string]string, body any) (int, string) {
	t.Helper()
	raw := []byte(nil)
	if body != nil {
		var err error
		raw, err = json.Marshal(body)
		require.NoError(t, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(raw))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", fmt.Sprint(time.Now().UnixNano()))
	for name, value := range header {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	res, err := i.http(t).Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

func testConfusion(t *testing.T, l *lab, as map[string]*intruder, w *tap.Tap, traffic func()) {
	token := fresh(t, w, traffic)
	require.Equal(t, "mesh", as["notification"].outcome(t, "payments", "POST /v1/transfers", token), "notification at payments")
	require.Equal(t, "denied", as["ingestion"].outcome(t, "payments", "POST /v1/transfers/{id}/refund", token), "ingestion refunds")
	require.Equal(t, "denied", as["inference"].outcome(t, "payments", "POST /v1/authorizations", token), "inference, in ingestion's transaction")
	require.Equal(t, "denied", as["gateway"].outcome(t, "payments", "POST /v1/authorizations", token), "the gateway charges")

	notify := func(recipient string) int {
		code, text := as["ingestion"].send(t.Context(), t, "POST", "http://notification/v1/notifications", map[string]string{"Txn-Token": token},
			map[string]any{"recipient": recipient, "kind": "document.created", "subject": "x", "data": map[string]any{}})
		t.Log(code, text)
		return code
	}
	require.Equal(t, http.StatusForbidden, notify("bob"), "in alice's name, to bob")
	require.Equal(t, http.StatusAccepted, notify("alice"))
	code, _ := as["ingestion"].send(t.Context(), t, "POST", "http://payments/v1/authorizations", map[string]string{"Txn-Token": token},
		map[string]any{"amount": 50001, "reference": "all at once"})
	require.Equal(t, http.StatusForbidden, code, "more than a service may hold")
}

func testExternal(t *testing.T, i *intruder, access, token string) {
	const url = "http://payments/v1/authorizations"
	body := map[string]any{"amount": 1, "reference": "test"}
	for name, header := range map[string]map[string]string{
		"an access token as transaction token": {"Txn-Token": access},
		"an access token beside a good one":    {"Txn-Token": token, "Authorization": "Bearer " + access},
		"an access token alone":                {"Authorization": "Bearer " + access},
	} {
		code, _ := i.send(t.Context(), t, "POST", url, header, body)
		require.Equal(t, http.StatusUnauthorized, code, name)
	}
	code, text := i.send(t.Context(), t, "POST", url, map[string]string{"Txn-Token": token}, body)
	require.Equal(t, http.StatusCreated, code, text)
}

func testExpired(t *testing.T, i *intruder, token string) {
	require.Equal(t, "in", i.outcome(t, "payments", "POST /v1/authorizations", token))
	require.Eventually(t, func() bool { return i.outcome(t, "payments", "POST /v1/authorizations", token) == "unauthenticated" },
		16*time.Second, 500*time.Millisecond)
}

func testPolicyChange(t *testing.T, l *lab, alice string) {
	const rules = "services/platform/policy/rego"
	account := func() int { return l.must(t, "GET", "/v1/account", alice, nil).status }
	require.Equal(t, http.StatusOK, account())
	l.refresh(t)
	pid := l.component(t, "payments").PID

	changed := t.TempDir()
	require.NoError(t, os.CopyFS(changed, os.DirFS(filepath.Join("../..", rules))))
	edit(t, filepath.Join(changed, "payments.rego"), `allow := "route-allowed" if shared.admitted`,
		"allow := \"route-allowed\" if {\n\tshared.admitted\n\tinput.route != \"GET /v1/account\"\n}")
	got := l.run(t, "policy", "push", changed)
	require.Equal(t, 2, got.code, "its tests fail: %s", got.stdout)
	require.Contains(t, got.stderr, "payments_test.rego")
	got = l.run(t, "policy", "push", "--untested", changed)
	require.Zero(t, got.code, got.stderr)
	require.Equal(t, http.StatusForbidden, account())
	explained := l.run(t, "policy", "explain", "--caller", "gateway", "--route", "GET payments/v1/account", "--user", "alice", "--json")
	require.Contains(t, explained.stdout, `"stopped_by": "policy"`)

	edit(t, filepath.Join(changed, "payments.rego"), "shared.admitted", "shared.(")
	require.Equal(t, 2, l.run(t, "policy", "push", "--untested", changed).code, "it doesn't compile")

	// Straight past the lab, to where the services look: without a signature nothing comes of it.
	file := filepath.Join(l.runDir(t), "policy", "bundle.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"payloadType":"application/vnd.redoubt.policy+json","payload":"e30=","signatures":[{"keyid":"policy:v1","sig":"AAAA"}]}`), 0o644))
	require.Eventually(t, func() bool {
		return l.logged(t, "payments", `"control":"app.policy.bundle"`, "doesn't verify") == 1
	}, 5*time.Second, 50*time.Millisecond)
	require.Equal(t, http.StatusForbidden, account(), "what was in force stays")

	require.Zero(t, l.run(t, "policy", "push", rules).code)
	require.Equal(t, http.StatusOK, account())
	l.refresh(t)
	require.Equal(t, pid, l.component(t, "payments").PID, "without a restart")
}

func edit(t testing.TB, file, from, to string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), from)
	require.NoError(t, os.WriteFile(file, bytes.ReplaceAll(text, []byte(from), []byte(to)), 0o644))
}

// testRecords: what stopped a request is on record at every service, with what an investigation needs, and nobody's name.
func testRecords(t *testing.T, l *lab) {
	rules := map[string]bool{}
	for _, service := range []string{"gateway", "ingestion", "inference", "payments", "notification", "modelstore"} {
		raw, err := os.ReadFile(filepath.Join(l.dir, "logs", service+".log"))
		require.NoError(t, err)
		for line := range strings.Lines(string(raw)) {
			var record struct {
				Msg, Control, Decision, Rule, Caller, Route string
				DecisionID                                  string `json:"decision_id"`
				RequestID                                   string `json:"request_id"`
			}
			if json.Unmarshal([]byte(line), &record) != nil || record.Msg != "decision" {
				continue
			}
			for _, personal := range []string{"alice", "bob", "carol", "eyJ"} {
				require.NotContains(t, line, personal)
			}
			if !strings.HasPrefix(record.Control, "app.policy") || record.Control == "app.policy.bundle" {
				continue
			}
			rules[record.Rule] = true
			for _, needed := range []string{record.DecisionID, record.RequestID, record.Caller, record.Route, record.Rule} {
				require.NotEmpty(t, needed, line)
			}
		}
	}
	for _, rule := range []string{"caller-not-listed", "outside-call-path", "scope-missing", "owner-mismatch", "account-frozen", "own-account", "amount-limit", "default-deny"} {
		require.True(t, rules[rule], "%s among %v", rule, slices.Sorted(maps.Keys(rules)))
	}
}

// logged counts a component's log lines that contain all of the texts.
func (l *lab) logged(t testing.TB, component string, texts ...string) (n int) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(l.dir, "logs", component+".log"))
	require.NoError(t, err)
lines:
	for line := range strings.Lines(string(raw)) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue lines
			}
		}
		n++
	}
	return n
}
