package grpcserver_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"redoubt.example/services/platform/api/inferencev1"
)

// TestConfusedCalls are sent past our own client, with metadata that two programs may read differently.
func TestConfusedCalls(t *testing.T) {
	reached := 0
	h := serve(t, &inference{classify: func(context.Context) error { reached++; return nil }})
	const classify = "/redoubt.inference.v1.InferenceService/Classify"
	token := h.Token("alice", "documents:write")
	for name, tc := range map[string]struct {
		caller, method string
		metadata       []string
		want           codes.Code
	}{
		"two tokens":               {"ingestion", classify, []string{"txn-token", token, "txn-token", token}, codes.Unauthenticated},
		"a good one and nothing":   {"ingestion", classify, []string{"txn-token", token, "txn-token", ""}, codes.Unauthenticated},
		"a binary one":             {"ingestion", classify, []string{"txn-token-bin", token}, codes.Unauthenticated},
		"joined by a comma":        {"ingestion", classify, []string{"txn-token", token + ", " + token}, codes.Unauthenticated},
		"an external token":        {"ingestion", classify, []string{"txn-token", token, "authorization", "Bearer x"}, codes.Unauthenticated},
		"two external tokens":      {"ingestion", classify, []string{"txn-token", token, "authorization", "Bearer x", "authorization", "Bearer x"}, codes.Unauthenticated},
		"another caller":           {"gateway", classify, []string{"txn-token", token, "x-caller", "ingestion"}, codes.PermissionDenied},
		"another method's":         {"gateway", "/redoubt.inference.v1.InferenceService/Infer", []string{"txn-token", token}, codes.PermissionDenied},
		"a method in small print":  {"ingestion", "/redoubt.inference.v1.InferenceService/classify", []string{"txn-token", token}, codes.NotFound},
		"a service in small print": {"ingestion", "/redoubt.inference.v1.inferenceservice/Classify", []string{"txn-token", token}, codes.NotFound},
		"a slash more":             {"ingestion", classify + "/", []string{"txn-token", token}, codes.NotFound},
		"a slash before":           {"ingestion", "/" + classify, []string{"txn-token", token}, codes.NotFound},
		"reflection":               {"ingestion", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", []string{"txn-token", token}, codes.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := grpc.NewClient("passthrough:///inference", grpc.WithTransportCredentials(insecure.NewCredentials()),
				grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return h.Dial(ctx, tc.caller) }))
			require.NoError(t, err)
			defer conn.Close()
			ctx := metadata.AppendToOutgoingContext(t.Context(), tc.metadata...)
			err = conn.Invoke(ctx, tc.method, &inferencev1.ClassifyRequest{Text: "hello"}, &inferencev1.ClassifyResponse{})
			require.Equal(t, tc.want, status.Code(err), "%v", err)
			require.Zero(t, reached)
		})
	}
}
