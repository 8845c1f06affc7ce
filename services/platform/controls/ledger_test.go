package controls_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/servertiming"
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

// TestNoTimeIsEnteredTwice: what runs within something else is that one's, a call's time is the callee's, and what is beside a
// call is no part of the hop's own time.
func TestNoTimeIsEnteredTwice(t *testing.T) {
	ctx, ledger := controls.WithLedger(t.Context())
	application := controls.Begin(ctx, controls.Application)
	outer := controls.Begin(ctx, controls.Database)
	time.Sleep(time.Millisecond)
	inner := controls.Begin(ctx, controls.Secret)
	time.Sleep(2 * time.Millisecond)
	inner.End()
	outer.End()
	call := controls.BeginCall(ctx, "payments")
	beside := controls.Begin(ctx, controls.AppPolicyOwner)
	time.Sleep(2 * time.Millisecond)
	beside.End()
	call.Answered(`hop;dur=0.5;desc="somebody POST /v1/authorizations";in=0, app.policy;dur=0.1;in=0`)
	controls.BeginCall(ctx, "notification").Answered(`hop;dur=9000;desc="notification POST /v1/notifications";in=0`)
	controls.BeginCall(ctx, "inference").Answered("\x1b[31mhop")
	application.End()
	ledger.Add("injected database", time.Millisecond)

	hop, err := servertiming.Parse(ledger.Timing("ingestion", "POST /v1/documents"))
	require.NoError(t, err)
	parts := map[string]servertiming.Part{}
	for _, p := range hop.Parts {
		parts[p.Name] = p
	}
	require.Len(t, hop.Calls, 3)
	require.Equal(t, []string{"payments", "notification", "inference"}, []string{hop.Calls[0].Service, hop.Calls[1].Service, hop.Calls[2].Service})
	require.Equal(t, "payments", hop.Calls[0].Hop.Service, "a callee's name is whom we called, not who it says it is")
	require.Equal(t, "POST /v1/authorizations", hop.Calls[0].Hop.Route)
	require.Nil(t, hop.Calls[1].Hop, "nobody took longer than we waited")
	require.Nil(t, hop.Calls[2].Hop)

	entries := map[string]time.Duration{}
	for _, e := range ledger.Entries() {
		entries[e.Name] = e.Time
	}
	require.GreaterOrEqual(t, parts[controls.Secret].Time, 2*time.Millisecond)
	require.InDelta(t, entries[controls.Database]-entries[controls.Secret], parts[controls.Database].Time, float64(10*time.Microsecond))
	require.Less(t, parts[controls.AppPolicyOwner].Time, 10*time.Microsecond, "the hop waited for the call meanwhile")
	require.Contains(t, parts, "injected database")
	require.Contains(t, parts, controls.Bookkeeping)
	require.GreaterOrEqual(t, hop.Residual(), -100*time.Microsecond)
	require.LessOrEqual(t, hop.Explained()+hop.Waited(), hop.Total+100*time.Microsecond, "the parts are no more than the whole")
}

// TestALedgerIsBounded: a stream's messages don't pile up.
func TestALedgerIsBounded(t *testing.T) {
	ctx, ledger := controls.WithLedger(t.Context())
	for range 1000 {
		controls.Begin(ctx, controls.Upstream("inference")).End()
		controls.Begin(ctx, controls.Database).End()
	}
	entries := ledger.Entries()
	require.Len(t, entries, 2)
	require.Equal(t, []int{1000, 1000}, []int{entries[0].Count, entries[1].Count})
	require.LessOrEqual(t, len(ledger.Timing("inference", "x")), servertiming.MaxSize)
}

func TestWithoutALedgerNothingIsKept(t *testing.T) {
	controls.LedgerOf(context.Background()).Add("x", time.Second)
	controls.Begin(context.Background(), "x").End()
	controls.BeginCall(context.Background(), "x").Answered("x")
	require.Nil(t, controls.LedgerOf(context.Background()).Entries())
	require.Empty(t, controls.LedgerOf(context.Background()).Timing("x", "y"))
}

func BenchmarkSpan(b *testing.B) {
	ctx, _ := controls.WithLedger(b.Context())
	b.ReportAllocs()
	for b.Loop() {
		controls.Begin(ctx, controls.EdgeScope).End()
	}
}
