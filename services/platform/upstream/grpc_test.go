package upstream_test

import (
	"context"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/upstream"
)

// model is a real gRPC server on a unix socket that can be restarted.
type model struct {
	inferencev1.UnimplementedInferenceServiceServer
	t      *testing.T
	path   socket
	answer func(ctx context.Context, call int32) error
	calls  atomic.Int32
	server *grpc.Server
}

func newModel(t *testing.T, answer func(context.Context, int32) error) *model {
	m := &model{t: t, path: socket(filepath.Join(t.TempDir(), "up.sock")), answer: answer}
	m.start()
	t.Cleanup(m.stop)
	return m
}

func (m *model) start() {
	l, err := net.Listen("unix", string(m.path))
	require.NoError(m.t, err)
	m.server = grpc.NewServer()
	inferencev1.RegisterInferenceServiceServer(m.server, m)
	go func() { _ = m.server.Serve(l) }()
}

func (m *model) stop() { m.server.Stop() }

func (m *model) Classify(ctx context.Context, _ *inferencev1.ClassifyRequest) (*inferencev1.ClassifyResponse, error) {
	return &inferencev1.ClassifyResponse{Language: "en"}, m.answer(ctx, m.calls.Add(1))
}

func (m *model) Infer(ctx context.Context, _ *inferencev1.InferRequest) (*inferencev1.InferResponse, error) {
	return &inferencev1.InferResponse{}, m.answer(ctx, m.calls.Add(1))
}

func (m *model) client(opts ...upstream.Option) inferencev1.InferenceServiceClient {
	conn, err := upstream.GRPC(m.path, "inference", opts...)
	require.NoError(m.t, err)
	m.t.Cleanup(func() { _ = conn.Close() })
	return inferencev1.NewInferenceServiceClient(conn)
}

// failing answers the first n calls with err.
func failing(n int32, err error) func(context.Context, int32) error {
	return func(_ context.Context, call int32) error {
		if call <= n {
			return err
		}
		return nil
	}
}

func TestGRPCNotRepeated(t *testing.T) {
	classify := func(c inferencev1.InferenceServiceClient, ctx context.Context) error {
		_, err := c.Classify(ctx, &inferencev1.ClassifyRequest{})
		return err
	}
	infer := func(c inferencev1.InferenceServiceClient, ctx context.Context) error {
		_, err := c.Infer(ctx, &inferencev1.InferRequest{})
		return err
	}
	advice := fault.ToStatus(fault.RetryAfter(fault.New(fault.Unavailable, "the queue is full"), time.Second))
	for name, c := range map[string]struct {
		call func(inferencev1.InferenceServiceClient, context.Context) error
		err  error
		want fault.Kind
	}{
		"a method that charges":  {infer, status.Error(codes.Unavailable, "x"), fault.UpstreamFailed},
		"an answer":              {classify, status.Error(codes.NotFound, "x"), fault.NotFound},
		"what failed behind it":  {classify, fault.ToStatus(fault.New(fault.UpstreamFailed, "x")), fault.UpstreamFailed},
		"told when to come back": {classify, advice, fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, failing(1, c.err))
			require.Equal(t, c.want, fault.KindOf(c.call(m.client(), t.Context())))
			require.EqualValues(t, 1, m.calls.Load())
		})
	}
}

func TestGRPCRepeatedWhenSafe(t *testing.T) {
	m := newModel(t, failing(2, status.Error(codes.Unavailable, "x")))
	out, err := m.client().Classify(t.Context(), &inferencev1.ClassifyRequest{})
	require.NoError(t, err)
	require.Equal(t, "en", out.GetLanguage())
	require.EqualValues(t, 3, m.calls.Load())

	m = newModel(t, failing(2, status.Error(codes.Unavailable, "x")))
	_, err = m.client().Infer(metadata.AppendToOutgoingContext(t.Context(), upstream.IdempotencyKey, "k1"), &inferencev1.InferRequest{})
	require.NoError(t, err, "a key makes any method safe to repeat")
}

func TestGRPCSlowUpstream(t *testing.T) {
	m := newModel(t, func(ctx context.Context, _ int32) error { <-ctx.Done(); return ctx.Err() })
	_, err := m.client(upstream.WithTimeout(20*time.Millisecond)).Infer(t.Context(), &inferencev1.InferRequest{})
	require.Equal(t, fault.Timeout, fault.KindOf(err), "%v", err)

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	_, err = m.client().Infer(ctx, &inferencev1.InferRequest{})
	require.Equal(t, fault.Canceled, fault.KindOf(err), "%v", err)
}

func TestGRPCRestartedPeer(t *testing.T) {
	m := newModel(t, failing(0, nil))
	c := m.client()
	for range 2 {
		_, err := c.Classify(t.Context(), &inferencev1.ClassifyRequest{})
		require.NoError(t, err)
		m.stop()
		_, err = c.Infer(t.Context(), &inferencev1.InferRequest{})
		require.Equal(t, fault.UpstreamFailed, fault.KindOf(err), "%v", err)
		require.NotContains(t, fault.Message(err), "sock", "addresses stay inside")
		m.start()
		require.Eventually(t, func() bool {
			_, err := c.Infer(t.Context(), &inferencev1.InferRequest{})
			return err == nil
		}, 3*time.Second, 5*time.Millisecond, "it connects again by itself, soon")
	}
}

func TestGRPCPassesTheTransactionOn(t *testing.T) {
	var got metadata.MD
	m := newModel(t, func(ctx context.Context, _ int32) error { got, _ = metadata.FromIncomingContext(ctx); return nil })
	forged := metadata.AppendToOutgoingContext(t.Context(), authn.MetadataKey, "forged", telemetry.RequestIDMetadata, "forged")
	_, err := m.client().Infer(forged, &inferencev1.InferRequest{})
	require.NoError(t, err)
	require.Empty(t, got.Get(authn.MetadataKey))
	require.Empty(t, got.Get(telemetry.RequestIDMetadata))

	ctx := authn.NewContext(telemetry.WithRequestID(forged, "req-1"), &authn.Token{Raw: "verified"})
	_, err = m.client().Infer(ctx, &inferencev1.InferRequest{})
	require.NoError(t, err)
	require.Equal(t, []string{"verified"}, got.Get(authn.MetadataKey))
	require.Equal(t, []string{"req-1"}, got.Get(telemetry.RequestIDMetadata))
}
