package edge_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/upstream"
)

// TestDeadlineGoesAlong: a call knows when nobody waits for it any more. One of an upstream's own time, a stream of the whole
// request's, which ends before its transaction token does.
func TestDeadlineGoesAlong(t *testing.T) {
	g := newGateway(t, unreachable(t))
	left := make(chan time.Duration, 1)
	tell := func(ctx context.Context) {
		deadline, ok := ctx.Deadline()
		if !ok {
			t.Error("no deadline")
		}
		left <- time.Until(deadline)
	}
	g.Inference.unary = func(ctx context.Context, _ *inferencev1.InferRequest) (*inferencev1.InferResponse, error) {
		tell(ctx)
		return &inferencev1.InferResponse{}, nil
	}
	g.Inference.stream = func(_ *inferencev1.InferRequest, s grpc.ServerStreamingServer[inferencev1.InferEvent]) error {
		tell(s.Context())
		return s.Send(finish())
	}
	token := g.Issuer.Token("alice", "inferences:create")
	require.Equal(t, http.StatusOK, g.sample("POST /v1/inferences", token).StatusCode)
	unary := <-left
	require.LessOrEqual(t, unary, upstream.DefaultTimeout)
	require.Positive(t, unary)
	require.Equal(t, http.StatusOK, g.sample("POST /v1/inferences:stream", token).StatusCode)
	stream := <-left
	require.Less(t, stream, authn.Lifetime)
	require.Greater(t, stream, upstream.DefaultTimeout)
}

// TestCallThatTakesTooLongIs504, and the upstream is told to stop.
func TestCallThatTakesTooLongIs504(t *testing.T) {
	g := newGateway(t, unreachable(t))
	stopped := make(chan error, 3)
	g.Inference.unary = func(ctx context.Context, _ *inferencev1.InferRequest) (*inferencev1.InferResponse, error) {
		<-ctx.Done()
		stopped <- ctx.Err()
		return nil, ctx.Err()
	}
	r := g.sample("POST /v1/inferences", g.Issuer.Token("alice", "inferences:create"))
	require.Equal(t, http.StatusGatewayTimeout, r.StatusCode, r.Text)
	require.Equal(t, "inference took too long", r.Problem.Detail)
	select {
	case <-stopped:
	case <-time.After(10 * time.Second):
		t.Fatal("the upstream goes on")
	}
}

// TestCallEndsWithItsClient: who goes away stops the upstream's work.
func TestCallEndsWithItsClient(t *testing.T) {
	g := newGateway(t, unreachable(t))
	entered, stopped := make(chan struct{}, 1), make(chan error, 1)
	g.Inference.unary = func(ctx context.Context, _ *inferencev1.InferRequest) (*inferencev1.InferResponse, error) {
		entered <- struct{}{}
		<-ctx.Done()
		stopped <- ctx.Err()
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", g.URL+"/v1/inferences", strings.NewReader(question))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+g.Issuer.Token("alice", "inferences:create"))
	req.Header.Set("Content-Type", "application/json")
	go func() { <-entered; cancel() }()
	_, err = g.Client.Do(req)
	require.ErrorIs(t, err, context.Canceled)
	select {
	case err := <-stopped:
		require.ErrorIs(t, err, context.Canceled, "before its own deadline")
	case <-time.After(10 * time.Second):
		t.Fatal("the upstream goes on without its client")
	}
}
