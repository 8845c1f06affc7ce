package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/policy"
)

// TestAuthorizationsBelongToTheirMaker: the principal's token alone doesn't open another service's authorization,
// and without a token only the maker gets in, by the one route that needs none.
func TestAuthorizationsBelongToTheirMaker(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	d, err := policy.New(t.Context(), "payments", top)
	require.NoError(t, err)

	const capture, settle = "POST /v1/authorizations/{id}/capture", "POST /v1/settlements"
	for name, tc := range map[string]struct {
		caller, route, principal, owner, maker string
		want                                   string
	}{
		"another service's":              {"inference", capture, "alice", "alice", "ingestion", "maker-mismatch"},
		"another principal's":            {"ingestion", capture, "alice", "bob", "ingestion", "owner-mismatch"},
		"another principal's, no maker":  {"ingestion", capture, "alice", "bob", "", "owner-mismatch"},
		"without a token":                {"ingestion", capture, "", "alice", "ingestion", "principal-missing"},
		"settled by another service":     {"notification", settle, "", "alice", "ingestion", "caller-not-listed"},
		"settled by a listed neighbour":  {"inference", settle, "", "alice", "ingestion", "maker-mismatch"},
		"settled, but of unknown making": {"ingestion", settle, "", "alice", "", "owner-mismatch"},
		"its own":                        {"ingestion", capture, "alice", "alice", "ingestion", "own-object"},
		"settled by its maker":           {"ingestion", settle, "", "alice", "ingestion", "settled-by-maker"},
	} {
		t.Run(name, func(t *testing.T) {
			in := policy.Input{Caller: tc.caller, Method: "POST", Route: tc.route, Principal: tc.principal, Owner: tc.owner}
			if tc.principal != "" {
				in.Scopes = []string{"documents:write"}
				in.Entry = top.Entries("payments", tc.route, tc.caller)[0]
			}
			if tc.maker != "" {
				in.Attributes = map[string]any{"maker": tc.maker}
			}
			got, err := d.Decide(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, tc.want, got.Rule, got.Reason)
		})
	}
}

// TestAmounts: what a service may hold of a principal's credits without anybody asking is limited.
func TestAmounts(t *testing.T) {
	_, all := deciders(t)
	for amount, want := range map[int64]string{1 << 40: "amount-limit", 50_001: "amount-limit", 50_000: "own-object", 1: "own-object"} {
		got, err := all["payments"].Decide(t.Context(), policy.Input{Caller: "ingestion", Method: "POST", Route: "POST /v1/authorizations",
			Principal: "alice", Entry: "POST /v1/documents", Scopes: []string{"documents:write"}, Owner: "alice",
			Attributes: map[string]any{"amount": amount, "maker": "ingestion"}})
		require.NoError(t, err)
		require.Equal(t, want, got.Rule, amount)
	}
}
