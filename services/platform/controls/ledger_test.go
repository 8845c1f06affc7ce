package controls_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
)

func TestLedger(t *testing.T) {
	ctx, ledger := controls.WithLedger(t.Context())
	var parts sync.WaitGroup
	for range 8 {
		parts.Go(func() { ledger.Add("database", time.Millisecond) })
	}
	parts.Wait()
	require.NoError(t, controls.Enforce(ctx, controls.EdgeScope, func() error { time.Sleep(2 * time.Millisecond); return nil }))

	entries := ledger.Entries()
	require.Equal(t, controls.Entry{Name: "database", Count: 8, Time: 8 * time.Millisecond}, entries[0])
	require.Equal(t, controls.EdgeScope, entries[1].Name)
	require.GreaterOrEqual(t, entries[1].Time, 2*time.Millisecond)
}

func TestWithoutALedgerNothingIsKept(t *testing.T) {
	controls.LedgerOf(context.Background()).Add("x", time.Second)
	controls.Begin(context.Background(), "x").End()
	require.Nil(t, controls.LedgerOf(context.Background()).Entries())
}

func BenchmarkSpan(b *testing.B) {
	ctx, _ := controls.WithLedger(b.Context())
	b.ReportAllocs()
	for b.Loop() {
		controls.Begin(ctx, controls.EdgeScope).End()
	}
}
