package upstream_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/controls"
)

// TestWaitingIsEntered: each call's time, by the upstream's name, whatever the wire.
func TestWaitingIsEntered(t *testing.T) {
	const takes = 5 * time.Millisecond
	slow := newPeer(t, func(http.ResponseWriter, *http.Request) { time.Sleep(takes) })
	client := slow.client()
	ctx, ledger := controls.WithLedger(t.Context())
	for range 2 {
		require.NoError(t, client.Call(ctx, "GET", "/", nil, nil, nil))
	}
	model := newModel(t, func(context.Context, int32) error { time.Sleep(takes); return nil })
	_, err := model.client().Infer(ctx, &inferencev1.InferRequest{})
	require.NoError(t, err)

	var entries []controls.Entry
	for _, e := range ledger.Entries() {
		if e.Name != controls.Breaker {
			entries = append(entries, e)
		}
	}
	require.Len(t, entries, 2)
	require.Equal(t, []any{"upstream payments", 2}, []any{entries[0].Name, entries[0].Count})
	require.Equal(t, "upstream inference", entries[1].Name)
	require.GreaterOrEqual(t, entries[0].Time, 2*takes)
	require.GreaterOrEqual(t, entries[1].Time, takes)
}
