package grpcserver_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/servertiming"
)

// TestTimingCrossesTheWire: a call, a refused one and a stream tell where their time went, in their caller's ledger; without the
// scope none does.
func TestTimingCrossesTheWire(t *testing.T) {
	h := serve(t, &inference{
		classify: func(context.Context) error { return nil },
		stream: func(s grpc.ServerStreamingServer[inferencev1.InferEvent]) error {
			return s.Send(&inferencev1.InferEvent{})
		},
	})
	classify := func(caller string, want fault.Kind) func(context.Context) {
		return func(ctx context.Context) {
			_, err := client(t, h, caller).Classify(ctx, &inferencev1.ClassifyRequest{Text: "hello"})
			require.Equal(t, want, fault.KindOf(err), "%v", err)
		}
	}
	stream := func(ctx context.Context) {
		s, err := client(t, h, "gateway").InferStream(ctx, &inferencev1.InferRequest{})
		require.NoError(t, err)
		for err == nil {
			_, err = s.Recv()
		}
		require.EqualError(t, err, "EOF")
	}
	for name, c := range map[string]struct {
		call  func(context.Context)
		scope string
		route string
	}{
		"call":    {classify("ingestion", fault.KindOf(nil)), "documents:write", inferencev1.InferenceService_Classify_FullMethodName},
		"refused": {classify("gateway", fault.Denied), "documents:write", inferencev1.InferenceService_Classify_FullMethodName},
		"stream":  {stream, "inferences:create", inferencev1.InferenceService_InferStream_FullMethodName},
	} {
		t.Run(name, func(t *testing.T) {
			for _, scopes := range [][]string{{c.scope}, {c.scope, servertiming.Scope}} {
				ctx, ledger := controls.WithLedger(authn.NewContext(t.Context(), &authn.Token{Raw: h.Token("alice", scopes...), Scopes: scopes}))
				c.call(ctx)
				hop := ledger.Hop("caller", "")
				if len(scopes) == 1 {
					for _, call := range hop.Calls {
						require.Nil(t, call.Hop)
					}
					continue
				}
				require.Len(t, hop.Calls, 1)
				require.NotNil(t, hop.Calls[0].Hop, "it has said")
				require.Equal(t, c.route, hop.Calls[0].Hop.Route)
				require.LessOrEqual(t, hop.Calls[0].Hop.Total, hop.Calls[0].Wait)
				require.NotEmpty(t, hop.Calls[0].Hop.Parts)
			}
		})
	}
}
