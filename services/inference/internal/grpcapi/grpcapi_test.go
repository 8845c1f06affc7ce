package grpcapi_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"redoubt.example/services/inference/internal/grpcapi"
	"redoubt.example/services/inference/internal/inference"
	"redoubt.example/services/inference/internal/langid"
	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/boundarytest"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/grpcserver"
	"redoubt.example/services/platform/upstream"
)

// purse is payments with as many credits as a test gives it.
type purse struct{ left, held, earned atomic.Int64 }

func (p *purse) Authorize(ctx context.Context, _ string, amount int64, _ string) (string, error) {
	if token, ok := authn.FromContext(ctx); !ok || token.Subject != "alice" {
		return "", errors.New("no principal to charge")
	}
	if p.left.Add(-amount) < 0 {
		p.left.Add(amount)
		return "", fault.New(fault.InsufficientCredits, "too few credits")
	}
	p.held.Store(amount)
	return "a1", nil
}
func (p *purse) Capture(context.Context, string) error { p.earned.Add(p.held.Swap(0)); return nil }
func (p *purse) Void(context.Context, string) error    { p.left.Add(p.held.Swap(0)); return nil }

type caller struct {
	h    *boundarytest.Harness
	name string
}

func (c caller) Dial(ctx context.Context, _ string) (net.Conn, error) { return c.h.Dial(ctx, c.name) }

func serve(t *testing.T, credits int64) (*boundarytest.Harness, *purse) {
	t.Helper()
	file, err := os.ReadFile("../../../modelstore/models/langid/1/model.bin")
	require.NoError(t, err)
	model, err := langid.Load(file)
	require.NoError(t, err)
	identifier := &inference.Identifier{}
	identifier.Use(model, "1")
	gate, money := inference.NewGate(2, 2), &purse{}
	money.left.Store(credits)
	service := inference.New(inference.Config{Payments: money, Models: func(name string) (inference.Model, *inference.Gate, bool) {
		return identifier, gate, name == inference.Classifier
	}})
	h := boundarytest.New(t, "inference", nil)
	s, err := grpcserver.New(h.Config, func(g *grpc.Server) { grpcapi.Register(g, service) })
	require.NoError(t, err)
	h.Serve(s.Serve)
	return h, money
}

func as(t *testing.T, h *boundarytest.Harness, name, scope string) (inferencev1.InferenceServiceClient, context.Context) {
	t.Helper()
	conn, err := upstream.GRPC(caller{h, name}, "inference", upstream.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return inferencev1.NewInferenceServiceClient(conn), authn.NewContext(t.Context(), &authn.Token{Raw: h.Token("alice", scope)})
}

func TestRefuses(t *testing.T) {
	h, money := serve(t, 1)
	gateway, infer := as(t, h, "gateway", "inferences:create")
	ingestion, classify := as(t, h, "ingestion", "documents:write")
	for name, c := range map[string]struct {
		call func() error
		want fault.Kind
	}{
		"classify by the gateway": {func() error { _, err := gateway.Classify(infer, &inferencev1.ClassifyRequest{Text: "x"}); return err }, fault.Denied},
		"infer by ingestion": {func() error {
			_, err := ingestion.Infer(classify, &inferencev1.InferRequest{Model: "langid", Input: "x"})
			return err
		}, fault.Denied},
		"no model": {func() error { _, err := gateway.Infer(infer, &inferencev1.InferRequest{Input: "x"}); return err }, fault.NotFound},
		"no input": {func() error { _, err := gateway.Infer(infer, &inferencev1.InferRequest{Model: "langid"}); return err }, fault.Invalid},
		"no text":  {func() error { _, err := ingestion.Classify(classify, &inferencev1.ClassifyRequest{}); return err }, fault.Invalid},
		"too much": {func() error {
			_, err := gateway.Infer(infer, &inferencev1.InferRequest{Model: "langid", Input: strings.Repeat("a", inference.MaxInput+1)})
			return err
		}, fault.TooLarge},
		"too dear": {func() error {
			_, err := gateway.Infer(infer, &inferencev1.InferRequest{Model: "langid", Input: strings.Repeat("a", 1025)})
			return err
		}, fault.InsufficientCredits},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.call()
			require.Equal(t, c.want, fault.KindOf(err), "%v", err)
		})
	}
	require.EqualValues(t, 1, money.left.Load())
	require.Zero(t, money.earned.Load())
}

func TestInfer(t *testing.T) {
	h, money := serve(t, 10)
	client, ctx := as(t, h, "gateway", "inferences:create")
	input := strings.Repeat("Le conseil a approuvé le budget sans modification. ", 30)
	got, err := client.Infer(ctx, &inferencev1.InferRequest{Model: "langid", Input: input})
	require.NoError(t, err)
	require.Equal(t, "fr", got.GetLabels()[0].GetLabel())
	require.Equal(t, "1", got.GetVersion())
	require.Equal(t, int64(len(input)), got.GetUsage().GetInputBytes())
	require.EqualValues(t, 2, got.GetCharge())
	require.EqualValues(t, 2, money.earned.Load())
	require.EqualValues(t, 8, money.left.Load())
}

func TestInferStream(t *testing.T) {
	h, money := serve(t, 10)
	client, ctx := as(t, h, "gateway", "inferences:create")
	stream, err := client.InferStream(ctx, &inferencev1.InferRequest{
		Model: "langid", Input: "Where is the library, please? Wo ist bitte die Bibliothek? Dónde está la biblioteca, por favor?"})
	require.NoError(t, err)
	var languages []string
	var done *inferencev1.Done
	for {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if chunk := event.GetChunk(); chunk != nil {
			languages = append(languages, chunk.GetLabels()[0].GetLabel())
		} else {
			done = event.GetDone()
		}
	}
	require.Equal(t, []string{"en", "de", "es"}, languages)
	require.EqualValues(t, 1, done.GetCharge())
	require.EqualValues(t, 1, money.earned.Load())
}

func TestClassify(t *testing.T) {
	h, money := serve(t, 0)
	client, ctx := as(t, h, "ingestion", "documents:write")
	got, err := client.Classify(ctx, &inferencev1.ClassifyRequest{Text: "Kokous on siirretty huomiseen"})
	require.NoError(t, err)
	require.Equal(t, "fi", got.GetLanguage())
	require.Equal(t, "langid", got.GetModel())
	require.Positive(t, got.GetScore())
	require.Zero(t, money.earned.Load())
}
