package authz_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/authz"
	"redoubt.example/services/platform/policy"
)

func ask(t *testing.T, caller, target, user string, change func(*authz.Question)) authz.Answer {
	t.Helper()
	top, err := topology.Load()
	require.NoError(t, err)
	q := authz.Question{Caller: caller, User: user}
	q.Service, q.Route, err = authz.Target(top, target)
	require.NoError(t, err)
	if change != nil {
		change(&q)
	}
	require.NoError(t, q.Check(top))
	decider, err := policy.New(t.Context(), q.Service, top)
	require.NoError(t, err)
	a, err := authz.Explain(t.Context(), top, decider, q)
	require.NoError(t, err)
	return a
}

func TestWhichLayersStopWhat(t *testing.T) {
	for name, tc := range map[string]struct {
		caller, target, user string
		change               func(*authz.Question)
		mesh, token, policy  string // the rules
		stoppedBy            string
	}{
		"notification, holding alice's token": {"notification", "POST payments/v1/transfers", "alice", nil,
			"default-deny", "verified", "caller-not-listed", "mesh"},
		"ingestion refunds": {"ingestion", "POST payments/v1/transfers/{id}/refund", "carol", nil,
			"intention", "missing", "caller-not-listed", "token"},
		"ingestion refunds with alice's token": {"ingestion", "POST payments/v1/transfers/{id}/refund", "alice", nil,
			"intention", "verified", "caller-not-listed", "policy"},
		"inference charges for a document": {"inference", "POST payments/v1/authorizations", "alice",
			func(q *authz.Question) { q.Entry = "POST /v1/documents" }, "intention", "verified", "outside-call-path", "policy"},
		"alice credits":    {"gateway", "POST payments/v1/transfers", "alice", nil, "intention", "verified", "scope-missing", "policy"},
		"bob's document":   {"gateway", "GET ingestion/v1/documents/{id}", "alice", owner("bob"), "intention", "verified", "owner-mismatch", "policy"},
		"no such route":    {"gateway", "GET payments/v1/everything", "alice", nil, "intention", "verified", "route-unknown", "policy"},
		"nobody's request": {"gateway", "GET payments/v1/account", "", nil, "intention", "missing", "principal-missing", "token"},
		"a frozen account spends": {"ingestion", "POST payments/v1/authorizations", "alice", about("account", "frozen"),
			"intention", "verified", "account-frozen", "policy"},
		"another service's authorization": {"ingestion", "POST payments/v1/authorizations/{id}/void", "alice", about("maker", "inference"),
			"intention", "verified", "maker-mismatch", "policy"},
		"alice freezes":             {"gateway", "PUT payments/v1/accounts/{owner}/state", "alice", owner("bob"), "intention", "verified", "scope-missing", "policy"},
		"carol thaws herself":       {"gateway", "PUT payments/v1/accounts/{owner}/state", "carol", owner("carol"), "intention", "verified", "own-account", "policy"},
		"carol freezes":             {"gateway", "PUT payments/v1/accounts/{owner}/state", "carol", owner("alice"), "intention", "verified", "staff-on-behalf", ""},
		"a frozen account receives": {"gateway", "POST payments/v1/transfers", "carol", about("account", "frozen"), "intention", "verified", "staff-on-behalf", ""},
		"an active account spends":  {"ingestion", "POST payments/v1/authorizations", "alice", owner("alice"), "intention", "verified", "own-object", ""},
		"weights":                   {"inference", "GET modelstore/v1/models/{name}", "", nil, "intention", "not-needed", "route-allowed", ""},
		"alice's document":          {"gateway", "GET ingestion/v1/documents/{id}", "alice", owner("alice"), "intention", "verified", "own-object", ""},
		"classification":            {"ingestion", "inference/Classify", "alice", nil, "intention", "verified", "route-allowed", ""},
		"inference charges":         {"inference", "POST payments/v1/authorizations", "alice", nil, "intention", "verified", "route-allowed", ""},
		"carol gives credit":        {"gateway", "POST payments/v1/transfers", "carol", owner("alice"), "intention", "verified", "staff-on-behalf", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := ask(t, tc.caller, tc.target, tc.user, tc.change)
			require.Equal(t, []string{tc.mesh, tc.token, tc.policy}, []string{a.Layers[0].Rule, a.Layers[1].Rule, a.Layers[2].Rule})
			require.Equal(t, tc.stoppedBy, a.StoppedBy)
			require.Equal(t, tc.stoppedBy == "", a.Allowed)
		})
	}
}

func owner(name string) func(*authz.Question) { return func(q *authz.Question) { q.Owner = name } }

// about is alice's object, with one attribute out of the ordinary.
func about(name, value string) func(*authz.Question) {
	return func(q *authz.Question) { q.Owner, q.Attributes = "alice", map[string]any{name: value} }
}

func TestBadQuestions(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	for _, text := range []string{"", "payments", "POST", "POST /v1/transfers", "POST nowhere/v1/x", "POST payments"} {
		_, _, err := authz.Target(top, text)
		require.Error(t, err, text)
	}
	for _, q := range []authz.Question{{Caller: "stranger"}, {Caller: "gateway", User: "mallory"}, {Caller: "gateway", Entry: "GET /nowhere"},
		{Caller: "gateway", Entry: "POST /v1/webhooks/{source}"}} {
		require.Error(t, q.Check(top))
	}
}
