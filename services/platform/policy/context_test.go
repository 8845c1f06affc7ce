package policy_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/policy"
	"redoubt.example/services/platform/telemetry"
)

func TestCheck(t *testing.T) {
	_, all := deciders(t)
	var log bytes.Buffer
	ctx := telemetry.WithRequestID(telemetry.WithLogger(t.Context(), telemetry.NewLogger(&log, "ingestion", "info")), "req-1")
	mine := policy.Object{Owner: "alice"}
	require.Equal(t, fault.Internal, fault.KindOf(policy.Check(ctx, mine)), "no policy in the context")

	ctx = policy.NewContext(ctx, all["ingestion"], policy.Input{Caller: "gateway", Method: "GET", Route: "GET /v1/documents/{id}",
		Principal: "alice", Scopes: []string{"documents:read"}})
	require.Equal(t, fault.Internal, fault.KindOf(policy.Check(ctx, policy.Object{})), "nothing to check by")
	require.Equal(t, fault.Internal, fault.KindOf(policy.Check(ctx, policy.Object{Attributes: map[string]any{"maker": "ingestion"}})), "nobody's")
	require.Empty(t, log.String())

	require.Equal(t, fault.Denied, fault.KindOf(policy.Check(ctx, policy.Object{Owner: "bob"})))
	require.Contains(t, log.String(), `"control":"app.policy.owner"`)
	require.Contains(t, log.String(), `"decision":"deny"`)
	require.Contains(t, log.String(), `"rule":"owner-mismatch"`)
	require.Contains(t, log.String(), `"request_id":"req-1"`)
	require.NotContains(t, log.String(), "bob")
	require.NotContains(t, log.String(), "alice")

	require.NoError(t, policy.Check(ctx, mine))
}
