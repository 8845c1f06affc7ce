package controls_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
)

func TestParseDelaysRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"app.policy":                        "how long",
		"":                                  "how long",
		"app.magic=20us":                    `no control has the ID "app.magic"`,
		"mesh.intention=20us":               "in no request's ledger",
		"infra.attest=20us":                 "in no request's ledger",
		"app.policy=20":                     "0s to 100ms",
		"app.policy=-1us":                   "0s to 100ms",
		"app.policy=1s":                     "0s to 100ms",
		"app.policy=20us,app.policy=20us":   "twice",
		"app.policy=20us,edge.scope=always": "0s to 100ms",
	} {
		_, err := controls.ParseDelays(strings.Split(text, ","))
		require.ErrorContains(t, err, says, text)
	}
	delays, err := controls.ParseDelays([]string{"edge.scope=0s", "app.policy=20us", "app.txn-token=1ms"})
	require.NoError(t, err)
	require.Equal(t, controls.Delays{"app.policy": 20 * time.Microsecond, "app.txn-token": time.Millisecond}, delays)
	require.Equal(t, "app.policy=20µs,app.txn-token=1ms", delays.String())
	again, err := controls.ParseDelays(strings.Split(delays.String(), ","))
	require.NoError(t, err)
	require.Equal(t, delays, again)
}

func TestInject(t *testing.T) {
	var log bytes.Buffer
	logger := telemetry.NewLogger(&log, "payments", "info")
	t.Cleanup(func() { require.NoError(t, controls.Inject(logger, nil)) })
	require.NoError(t, controls.Inject(logger, nil))
	require.Empty(t, log.String())
	require.NoError(t, controls.Inject(logger, controls.Delays{controls.AppPolicy: 300 * time.Microsecond}))
	require.Contains(t, log.String(), "UNSAFE")
	require.Contains(t, log.String(), "app.policy=300")

	ctx, ledger := controls.WithLedger(t.Context())
	for range 2 {
		controls.Begin(ctx, controls.AppPolicy).End()
	}
	controls.Begin(ctx, controls.AppTxnToken).End()
	by := map[string]controls.Entry{}
	for _, e := range ledger.Entries() {
		by[e.Name] = e
	}
	injected := by[controls.InjectedInto(controls.AppPolicy)]
	require.Equal(t, 2, injected.Count)
	require.GreaterOrEqual(t, injected.Time, 600*time.Microsecond)
	require.GreaterOrEqual(t, by[controls.AppPolicy].Time, injected.Time, "the control's entry contains it")
	require.NotContains(t, by, controls.InjectedInto(controls.AppTxnToken))
	id, ok := controls.IsInjected(injected.Name)
	require.True(t, ok)
	require.Equal(t, controls.AppPolicy, id)
	_, ok = controls.IsInjected(controls.AppPolicy)
	require.False(t, ok)

	require.NoError(t, controls.Inject(logger, nil))
	ctx, ledger = controls.WithLedger(t.Context())
	controls.Begin(ctx, controls.AppPolicy).End()
	require.Len(t, ledger.Entries(), 1, "no more of it")
	require.Contains(t, log.String(), "no more delays")
}
