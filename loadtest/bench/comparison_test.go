package bench_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
)

// A control that costs 5 us, and that only one stack has, is found at its hop, and nowhere else.
func TestComparisonNamesHopAndControl(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 6))
	noise := func() time.Duration { return time.Duration(random.ExpFloat64() * 20_000) }
	policy, schema := bench.Part{Hop: "payments", Control: "app.policy"}, bench.Part{Hop: "gateway", Control: "edge.schema"}
	renewed := 0
	stack := func(name string, extra time.Duration) bench.Stack {
		return bench.Stack{Name: name, Processes: []int{os.Getpid()},
			Renew: func(context.Context) error { renewed++; return nil },
			Request: func(context.Context) (bench.Observation, error) {
				shared := 30*time.Microsecond + noise()
				seen := bench.Observation{Total: 200*time.Microsecond + shared + extra + noise(), Parts: map[bench.Part]time.Duration{schema: shared}}
				if extra > 0 {
					seen.Parts[policy] = extra
				}
				return seen, nil
			}}
	}
	found, err := bench.Comparison{Stacks: []bench.Stack{stack("off", 0), stack("on", 5*time.Microsecond)}, Narrow: 2, For: time.Minute, Seed: 1}.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, bench.StoppedNarrow, found.Stopped)
	require.Equal(t, []bench.Part{schema, policy}, found.Parts(1))
	require.Equal(t, []bench.Part{schema}, found.Parts(0))
	require.Equal(t, bench.Difference{Value: 5, Low: 5, High: 5}, found.PartMedian(1, policy, 0.95))
	require.True(t, found.PartMedian(1, schema, 0.99).Contains(0))
	require.True(t, found.Median(1, 0.99).Contains(5))
	require.LessOrEqual(t, found.Median(1, 0.95).High-found.Median(1, 0.95).Low, 4.0)
	require.Less(t, found.PartP(1, policy), 0.001)
	require.Greater(t, found.PartP(1, schema), 0.01)
	require.InDelta(t, 5, found.OwnPart(1, policy, 0.99), 1e-9)
	require.Zero(t, found.OwnPart(0, policy, 0.5))
	own := found.OwnPartInterval(0, schema, 0.5, 0.95)
	require.Less(t, own.Low, own.High)
	require.True(t, own.Contains(found.OwnPart(0, schema, 0.5)))
	require.True(t, own.Contains(30+20*math.Ln2), "the median of what it really takes: %+v", own)
	require.InDelta(t, 230, found.Own(0, 0), 20)
	require.Positive(t, found.CPU(0))
	require.Equal(t, 2*(found.Pairs()+1), renewed, "each epoch has new connections, and one is discarded")
	_, known := found.Quantile(1, 0.9, 0.95)
	require.True(t, known)
	_, known = found.Quantile(1, 0.99999, 0.95)
	require.False(t, known, "what hardly ever happens wasn't measured")
}

func TestComparisonRefuses(t *testing.T) {
	fine := bench.Stack{Name: "fine", Request: func(context.Context) (bench.Observation, error) { return bench.Observation{}, nil }}
	broken := errors.New("broken")
	failing, lost, gone := fine, fine, fine
	failing.Name, failing.Request = "failing", func(context.Context) (bench.Observation, error) { return bench.Observation{}, broken }
	lost.Name, lost.Renew = "lost", func(context.Context) error { return broken }
	gone.Processes = []int{1 << 23}
	for name, stacks := range map[string][]bench.Stack{
		"one stack": {fine}, "a request fails": {fine, failing}, "a connection fails": {fine, lost}, "a process is gone": {fine, gone},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bench.Comparison{Stacks: stacks}.Run(t.Context())
			require.Error(t, err)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := bench.Comparison{Stacks: []bench.Stack{fine, fine}}.Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// A prober that does nothing but work measures itself.
func TestGeneratorSaturation(t *testing.T) {
	busy := bench.Stack{Name: "busy", Request: func(context.Context) (bench.Observation, error) {
		before, err := bench.ProcessorTime(os.Getpid())
		for now := before; err == nil && now-before < 100*time.Microsecond; now, err = bench.ProcessorTime(os.Getpid()) {
		}
		return bench.Observation{Total: 1}, err
	}}
	idle := bench.Stack{Name: "idle", Request: func(context.Context) (bench.Observation, error) {
		time.Sleep(time.Millisecond)
		return bench.Observation{Total: 1}, nil
	}}
	found, err := bench.Comparison{Stacks: []bench.Stack{idle, idle}, Settling: -1, WarmUp: -1}.Run(t.Context())
	require.NoError(t, err)
	require.Less(t, found.Generator, 0.8, "the prober isn't the slow part")
	found, err = bench.Comparison{Stacks: []bench.Stack{busy, busy}}.Run(t.Context())
	require.NoError(t, err)
	require.Greater(t, found.Generator, 0.0)
}
