package inference_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/inference/internal/inference"
	"redoubt.example/services/platform/fault"
)

func TestRefusesBeforeSpending(t *testing.T) {
	full := inference.NewGate(1, 0)
	_, err := full.Enter()
	require.NoError(t, err)
	for name, c := range map[string]struct {
		model, input string
		gate         *inference.Gate
		want         fault.Kind
	}{
		"no input":        {inference.Classifier, "", inference.NewGate(1, 1), fault.Invalid},
		"too much input":  {inference.Classifier, strings.Repeat("a", inference.MaxInput+1), inference.NewGate(1, 1), fault.TooLarge},
		"unknown model":   {"other", "text", inference.NewGate(1, 1), fault.NotFound},
		"no room to wait": {inference.Classifier, "text", full, fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			payments := &ledger{}
			s := service(unused(t), c.gate, payments)
			_, err := s.Infer(t.Context(), c.model, c.input)
			require.Equal(t, c.want, fault.KindOf(err), "%v", err)
			_, err = s.Stream(t.Context(), c.model, c.input, func(inference.Chunk) error { return nil })
			require.Equal(t, c.want, fault.KindOf(err), "%v", err)
			if c.model == inference.Classifier {
				_, err = s.Classify(t.Context(), c.input)
				require.Equal(t, c.want, fault.KindOf(err), "%v", err)
			}
			require.Empty(t, payments.did())
		})
	}
}

func TestNobodyComputesForOneWhoCannotPay(t *testing.T) {
	payments := &ledger{fail: map[string]error{"authorize 1": fault.New(fault.InsufficientCredits, "1 credit short")}}
	_, err := service(unused(t), inference.NewGate(1, 0), payments).Infer(t.Context(), inference.Classifier, "text")
	require.Equal(t, fault.InsufficientCredits, fault.KindOf(err))
	require.Equal(t, []string{"authorize 1"}, payments.did())
}

func TestFailureGivesBack(t *testing.T) {
	for name, c := range map[string]struct {
		infer func(context.Context, string) (inference.Result, error)
		want  fault.Kind
	}{
		"the model fails": {func(context.Context, string) (inference.Result, error) {
			return inference.Result{}, fault.New(fault.UpstreamFailed, "no answer")
		}, fault.UpstreamFailed},
		"the model panics": {func(context.Context, string) (inference.Result, error) { panic("out of range") }, fault.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			payments, gate := &ledger{}, inference.NewGate(1, 0)
			func() {
				defer func() { _ = recover() }()
				_, err := service(&model{infer: c.infer}, gate, payments).Infer(t.Context(), inference.Classifier, "text")
				require.Equal(t, c.want, fault.KindOf(err))
			}()
			require.Equal(t, []string{"authorize 1", "void a1"}, payments.did())
			leave, err := gate.Enter()
			require.NoError(t, err, "the place is free again")
			leave()
			require.NoError(t, gate.Compute(t.Context(), func() error { return nil }))
		})
	}
}

func TestNoResultWithoutCapture(t *testing.T) {
	payments := &ledger{fail: map[string]error{"capture a1": fault.New(fault.Conflict, "expired")}}
	m := &model{infer: func(context.Context, string) (inference.Result, error) { return inference.Result{Text: "secret"}, nil }}
	answer, err := service(m, inference.NewGate(1, 0), payments).Infer(t.Context(), inference.Classifier, "text")
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	require.Zero(t, answer)
}

// A caller who has gone still gets back what was set aside.
func TestSettlesWithoutTheCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	payments := &ledger{}
	m := &model{infer: func(ctx context.Context, _ string) (inference.Result, error) {
		cancel()
		return inference.Result{}, ctx.Err()
	}}
	_, err := service(m, inference.NewGate(1, 0), payments).Infer(ctx, inference.Classifier, "text")
	require.Equal(t, fault.Canceled, fault.KindOf(err))
	require.Equal(t, []string{"authorize 1", "void a1"}, payments.did())
}

func TestStreamCharges(t *testing.T) {
	gone := errors.New("connection reset")
	for name, c := range map[string]struct {
		sendFails int // at which chunk; 0 = never
		modelErr  error
		want      string
	}{
		"to its end":                      {0, nil, "capture a1"},
		"the caller leaves in the middle": {2, nil, "capture a1"},
		"the caller leaves at once":       {1, nil, "void a1"},
		"the model breaks off":            {0, fault.New(fault.UpstreamFailed, "broke off"), "void a1"},
	} {
		t.Run(name, func(t *testing.T) {
			payments, sent := &ledger{}, 0
			m := &model{stream: func(_ context.Context, _ string, emit func(inference.Chunk) error) (inference.Summary, error) {
				for range 3 {
					if err := emit(inference.Chunk{Text: "piece"}); err != nil {
						return inference.Summary{}, err
					}
				}
				return inference.Summary{Version: "1", Output: 15}, c.modelErr
			}}
			end, err := service(m, inference.NewGate(1, 0), payments).Stream(t.Context(), inference.Classifier, "text",
				func(inference.Chunk) error {
					if sent++; sent == c.sendFails {
						return gone
					}
					return nil
				})
			require.Equal(t, []string{"authorize 1", c.want}, payments.did())
			if c.sendFails > 0 {
				require.ErrorIs(t, err, gone)
			} else if c.modelErr == nil {
				require.NoError(t, err)
				require.Equal(t, inference.Ending{Summary: inference.Summary{Version: "1", Output: 15}, Charge: 1}, end)
			}
		})
	}
}

func TestClassifyChargesNobody(t *testing.T) {
	payments := &ledger{}
	m := &model{infer: func(context.Context, string) (inference.Result, error) { return inference.Result{Version: "1"}, nil }}
	result, err := service(m, inference.NewGate(1, 0), payments).Classify(t.Context(), "text")
	require.NoError(t, err)
	require.Equal(t, "1", result.Version)
	require.Empty(t, payments.did())
}

func TestCharge(t *testing.T) {
	for bytes, want := range map[int]int64{1: 1, 1023: 1, 1024: 1, 1025: 2, 256 << 10: 256} {
		require.Equal(t, want, inference.Charge(strings.Repeat("a", bytes)), bytes)
	}
}
