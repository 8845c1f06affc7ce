package policy_test

import (
	"strings"
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
			Attributes: map[string]any{"amount": amount, "maker": "ingestion", "account": "active"}})
		require.NoError(t, err)
		require.Equal(t, want, got.Rule, amount)
	}
}

// TestAccountStates: what is on record says whether it was the account's state that stopped a request.
func TestAccountStates(t *testing.T) {
	_, all := deciders(t)
	for state, want := range map[any]string{"active": "own-object", "frozen": "account-frozen", "closed": "account-closed", "": "account-unknown", nil: "account-unknown"} {
		got, err := all["payments"].Decide(t.Context(), policy.Input{Caller: "ingestion", Method: "POST", Route: "POST /v1/authorizations",
			Principal: "alice", Entry: "POST /v1/documents", Scopes: []string{"documents:write"}, Owner: "alice",
			Attributes: map[string]any{"amount": 1, "maker": "ingestion", "account": state}})
		require.NoError(t, err)
		require.Equal(t, want, got.Rule, state)
	}
}

// FuzzBlockedAccountsSpendNothing: whatever else the input says, credits of an account that isn't active aren't set aside, and
// those of another principal never.
func FuzzBlockedAccountsSpendNothing(f *testing.F) {
	top, err := topology.Load()
	require.NoError(f, err)
	d, err := policy.New(f.Context(), "payments", top)
	require.NoError(f, err)
	f.Add("frozen", "ingestion", "ingestion", "alice", "alice", "documents:write", "POST /v1/documents", int64(1))
	f.Add("active", "ingestion", "ingestion", "alice", "bob", "documents:write", "POST /v1/documents", int64(1))
	f.Add("active", "inference", "ingestion", "alice", "alice", "inferences:create", "POST /v1/inferences", int64(1))
	f.Add("active", "ingestion", "ingestion", "alice", "alice", "documents:write", "POST /v1/documents", int64(50_001))
	f.Fuzz(func(t *testing.T, state, caller, maker, principal, owner, scopes, entry string, amount int64) {
		if owner == "" || state == "active" && owner == principal && maker == caller && amount <= 50_000 {
			t.Skip()
		}
		got, err := d.Decide(t.Context(), policy.Input{Caller: caller, Method: "POST", Route: "POST /v1/authorizations", Principal: principal,
			Entry: entry, Scopes: strings.Fields(scopes), Owner: owner,
			Attributes: map[string]any{"account": state, "maker": maker, "amount": amount}})
		require.NoError(t, err)
		require.False(t, got.Allow)
	})
}
