package grpcserver_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/boundarytest"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/grpcserver"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/upstream"
)

// inference is a service whose answers a test chooses.
type inference struct {
	inferencev1.UnimplementedInferenceServiceServer
	classify func(context.Context) error
	stream   func(grpc.ServerStreamingServer[inferencev1.InferEvent]) error
}

func (i *inference) Classify(ctx context.Context, _ *inferencev1.ClassifyRequest) (*inferencev1.ClassifyResponse, error) {
	if err := i.classify(ctx); err != nil {
		return nil, err
	}
	return &inferencev1.ClassifyResponse{Language: "en"}, nil
}

func (i *inference) InferStream(_ *inferencev1.InferRequest, s grpc.ServerStreamingServer[inferencev1.InferEvent]) error {
	return i.stream(s)
}

func register(i *inference) func(*grpc.Server) {
	return func(s *grpc.Server) { inferencev1.RegisterInferenceServiceServer(s, i) }
}

func serve(t *testing.T, i *inference) *boundarytest.Harness {
	t.Helper()
	h := boundarytest.New(t, "inference", nil)
	s, err := grpcserver.New(h.Config, register(i))
	require.NoError(t, err)
	h.Serve(s.Serve)
	return h
}

// caller dials the harness as one service.
type caller struct {
	h    *boundarytest.Harness
	name string
}

func (c caller) Dial(ctx context.Context, _ string) (net.Conn, error) { return c.h.Dial(ctx, c.name) }

func client(t *testing.T, h *boundarytest.Harness, name string) inferencev1.InferenceServiceClient {
	t.Helper()
	conn, err := upstream.GRPC(caller{h, name}, "inference", upstream.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return inferencev1.NewInferenceServiceClient(conn)
}

func as(t *testing.T, h *boundarytest.Harness, scope string) context.Context {
	t.Helper()
	ctx := telemetry.WithRequestID(t.Context(), "req-"+strings.ReplaceAll(scope, ":", "."))
	return authn.NewContext(ctx, &authn.Token{Raw: h.Token("alice", scope)})
}

func TestNewRefuses(t *testing.T) {
	h := boundarytest.New(t, "inference", nil)
	_, err := grpcserver.New(h.Config, func(*grpc.Server) {})
	require.ErrorContains(t, err, "Classify\" of inference has no handler")

	_, err = grpcserver.New(h.Config, func(s *grpc.Server) {
		register(&inference{})(s)
		grpc_health_v1.RegisterHealthServer(s, grpc_health_v1.UnimplementedHealthServer{})
	})
	require.ErrorContains(t, err, `lists no route "/grpc.health.v1.Health/Check"`)

	top, err := topology.Parse([]byte("services: {inference: {}}"))
	require.NoError(t, err)
	h.Config.Topology = top
	_, err = grpcserver.New(h.Config, register(&inference{}))
	require.ErrorContains(t, err, "lists no route")
}

func TestDenials(t *testing.T) {
	h := serve(t, &inference{
		classify: func(context.Context) error { t.Error("reached"); return nil },
		stream:   func(grpc.ServerStreamingServer[inferencev1.InferEvent]) error { t.Error("reached"); return nil },
	})
	classify := func(name string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client(t, h, name).Classify(ctx, &inferencev1.ClassifyRequest{Text: "hello"})
			return err
		}
	}
	stream := func(name string) func(context.Context) error {
		return func(ctx context.Context) error {
			s, err := client(t, h, name).InferStream(ctx, &inferencev1.InferRequest{})
			require.NoError(t, err)
			_, err = s.Recv()
			return err
		}
	}
	for name, c := range map[string]struct {
		call func(context.Context) error
		ctx  context.Context
		want fault.Kind
	}{
		"no token":                    {classify("ingestion"), t.Context(), fault.Unauthenticated},
		"a forged token":              {classify("ingestion"), authn.NewContext(t.Context(), &authn.Token{Raw: "x.y.z"}), fault.Unauthenticated},
		"another caller":              {classify("gateway"), as(t, h, "documents:write"), fault.Denied},
		"another scope":               {classify("ingestion"), as(t, h, "documents:read"), fault.Denied},
		"a stream without token":      {stream("gateway"), t.Context(), fault.Unauthenticated},
		"a stream by another caller":  {stream("ingestion"), as(t, h, "inferences:create"), fault.Denied},
		"a connection with no caller": {classify(""), as(t, h, "documents:write"), fault.UpstreamFailed},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(c.ctx, 5*time.Second)
			defer cancel()
			err := c.call(ctx)
			require.Equal(t, c.want, fault.KindOf(err), "%v", err)
		})
	}
	require.NotEmpty(t, h.Logged(`"control":"app.txn-token"`, `"decision":"deny"`))
	require.NotEmpty(t, h.Logged(`"control":"app.policy"`, `"decision":"deny"`, "req-documents.read"))
}

func TestUnknownMethod(t *testing.T) {
	h := serve(t, &inference{})
	conn, err := upstream.GRPC(caller{h, "gateway"}, "inference")
	require.NoError(t, err)
	defer conn.Close()
	err = conn.Invoke(t.Context(), "/redoubt.inference.v1.InferenceService/Train", &inferencev1.InferRequest{}, &inferencev1.InferResponse{})
	require.Equal(t, fault.NotFound, fault.KindOf(err), "%v", err)
	require.Len(t, h.Logged(`"msg":"request"`, `"route":"unmatched"`, `"status":404`), 1)
}

func TestAllowed(t *testing.T) {
	h := serve(t, &inference{classify: func(ctx context.Context) error {
		token, ok := authn.FromContext(ctx)
		require.True(t, ok)
		require.Equal(t, "alice", token.Subject)
		require.Equal(t, "req-documents.write", telemetry.RequestID(ctx))
		return nil
	}, stream: func(s grpc.ServerStreamingServer[inferencev1.InferEvent]) error {
		_, ok := authn.FromContext(s.Context())
		require.True(t, ok)
		return s.Send(&inferencev1.InferEvent{})
	}})
	out, err := client(t, h, "ingestion").Classify(as(t, h, "documents:write"), &inferencev1.ClassifyRequest{Text: "hello"})
	require.NoError(t, err)
	require.Equal(t, "en", out.GetLanguage())

	s, err := client(t, h, "gateway").InferStream(as(t, h, "inferences:create"), &inferencev1.InferRequest{})
	require.NoError(t, err)
	_, err = s.Recv()
	require.NoError(t, err)
	_, err = s.Recv()
	require.EqualError(t, err, "EOF")
}

func TestHandlersErrors(t *testing.T) {
	for name, c := range map[string]struct {
		classify func(context.Context) error
		want     fault.Kind
		message  string
	}{
		"untyped": {func(context.Context) error { return errors.New("hunter2") }, fault.UpstreamFailed, "an upstream failed"},
		"panic":   {func(context.Context) error { panic("hunter2") }, fault.UpstreamFailed, "an upstream failed"},
		"typed": {func(context.Context) error {
			return fault.Wrap(fault.InsufficientCredits, errors.New("hunter2"), "3 credits short")
		}, fault.InsufficientCredits, "3 credits short"},
	} {
		t.Run(name, func(t *testing.T) {
			h := serve(t, &inference{classify: c.classify})
			_, err := client(t, h, "ingestion").Classify(as(t, h, "documents:write"), &inferencev1.ClassifyRequest{})
			require.Equal(t, c.want, fault.KindOf(err), "%v", err)
			require.Equal(t, c.message, fault.Message(err))
			require.NotContains(t, err.Error(), "hunter2")
			require.Len(t, h.Logged(`"msg":"request"`, "hunter2"), 1, "the log has the cause")
		})
	}
}

func TestUpstreamOpensItsBreaker(t *testing.T) {
	var calls atomic.Int32
	h := serve(t, &inference{classify: func(context.Context) error { calls.Add(1); return errors.New("broken") }})
	c := client(t, h, "ingestion")
	for range 5 {
		_, err := c.Classify(as(t, h, "documents:write"), &inferencev1.ClassifyRequest{})
		require.Equal(t, fault.UpstreamFailed, fault.KindOf(err))
	}
	_, err := c.Classify(as(t, h, "documents:write"), &inferencev1.ClassifyRequest{})
	require.Equal(t, fault.BreakerOpen, fault.KindOf(err), "%v", err)
	require.EqualValues(t, 5, calls.Load())
}
