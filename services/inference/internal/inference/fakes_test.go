package inference_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"redoubt.example/services/inference/internal/inference"
)

// ledger is payments in a few lines; it fails where a test says so.
type ledger struct {
	mu    sync.Mutex
	calls []string
	fail  map[string]error
}

func (l *ledger) call(ctx context.Context, what string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		what += " too late"
	}
	l.calls = append(l.calls, what)
	return l.fail[what]
}

func (l *ledger) Authorize(ctx context.Context, key string, amount int64, _ string) (string, error) {
	if key == "" {
		return "", fmt.Errorf("no key")
	}
	return "a1", l.call(ctx, fmt.Sprintf("authorize %d", amount))
}
func (l *ledger) Capture(ctx context.Context, id string) error { return l.call(ctx, "capture "+id) }
func (l *ledger) Void(ctx context.Context, id string) error    { return l.call(ctx, "void "+id) }

func (l *ledger) did() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.calls)
}

// model does what a test says.
type model struct {
	infer  func(ctx context.Context, input string) (inference.Result, error)
	stream func(ctx context.Context, input string, emit func(inference.Chunk) error) (inference.Summary, error)
}

func (m *model) Infer(ctx context.Context, input string) (inference.Result, error) {
	return m.infer(ctx, input)
}

func (m *model) Stream(ctx context.Context, input string, emit func(inference.Chunk) error) (inference.Summary, error) {
	return m.stream(ctx, input, emit)
}

// unused fails the test when it is asked.
func unused(t *testing.T) *model {
	return &model{
		infer: func(context.Context, string) (inference.Result, error) {
			t.Error("the model was asked")
			return inference.Result{}, nil
		},
		stream: func(context.Context, string, func(inference.Chunk) error) (inference.Summary, error) {
			t.Error("the model was asked")
			return inference.Summary{}, nil
		},
	}
}

func service(m inference.Model, gate *inference.Gate, payments *ledger) *inference.Service {
	return inference.New(inference.Config{Payments: payments, Models: func(name string) (inference.Model, *inference.Gate, bool) {
		return m, gate, name == inference.Classifier
	}})
}
