package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/policy"
)

func TestDeciderPreparesForEveryService(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	for _, name := range top.Names() {
		_, err := policy.New(t.Context(), name, top)
		require.NoError(t, err)
	}
}

func BenchmarkDecide(b *testing.B) {
	top, err := topology.Load()
	require.NoError(b, err)
	d, err := policy.New(b.Context(), "payments", top)
	require.NoError(b, err)
	in := policy.Input{Caller: "ingestion", Method: "POST", Route: "POST /v1/authorizations", Principal: "alice", Scopes: []string{"documents:write"}}
	b.ReportAllocs()
	for b.Loop() {
		if got, err := d.Decide(b.Context(), in); err != nil || !got.Allow {
			b.Fatal(got, err)
		}
	}
}
