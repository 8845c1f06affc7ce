package edge_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/fault"
)

// inference plays the service over real gRPC.
type inference struct {
	inferencev1.UnimplementedInferenceServiceServer
	unary  func(context.Context, *inferencev1.InferRequest) (*inferencev1.InferResponse, error)
	stream func(*inferencev1.InferRequest, grpc.ServerStreamingServer[inferencev1.InferEvent]) error
}

func (i *inference) Infer(ctx context.Context, in *inferencev1.InferRequest) (*inferencev1.InferResponse, error) {
	return i.unary(ctx, in)
}

func (i *inference) InferStream(in *inferencev1.InferRequest, s grpc.ServerStreamingServer[inferencev1.InferEvent]) error {
	return i.stream(in, s)
}

// inferring answers each call with the same.
func inferring(reply *inferencev1.InferResponse) func(context.Context, *inferencev1.InferRequest) (*inferencev1.InferResponse, error) {
	return func(context.Context, *inferencev1.InferRequest) (*inferencev1.InferResponse, error) {
		return reply, nil
	}
}

func piece(text string) *inferencev1.InferEvent {
	return &inferencev1.InferEvent{Event: &inferencev1.InferEvent_Chunk{Chunk: &inferencev1.Chunk{Text: text,
		Labels: []*inferencev1.Label{{Label: "de", Score: 0.5}}}}}
}

func finish() *inferencev1.InferEvent {
	return &inferencev1.InferEvent{Event: &inferencev1.InferEvent_Done{Done: &inferencev1.Done{Model: "langid", Version: "1", Charge: 1}}}
}

const question = `{"model":"langid","input":"Guten Tag"}`

func TestInferIsTranslated(t *testing.T) {
	g := newGateway(t, unreachable(t))
	var txn []string
	var deadline time.Time
	g.Inference.unary = func(ctx context.Context, in *inferencev1.InferRequest) (*inferencev1.InferResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		txn = md.Get(authn.MetadataKey)
		deadline, _ = ctx.Deadline()
		return &inferencev1.InferResponse{Model: in.GetModel(), Version: "1", Charge: 3,
			Labels: []*inferencev1.Label{{Label: "de", Score: 0.75}}, Usage: &inferencev1.Usage{InputBytes: int64(len(in.GetInput()))}}, nil
	}
	token := g.Issuer.Token("alice", "inferences:create documents:read")
	r := g.do("POST", "/v1/inferences", token, question)
	require.Equal(t, http.StatusOK, r.StatusCode, r.Text)
	require.JSONEq(t, `{"model":"langid","version":"1","labels":[{"label":"de","score":0.75}],"usage":{"input_bytes":9,"output_bytes":0},"charge":3}`, r.Text)
	require.Len(t, txn, 1)
	verified, err := authn.NewVerifier(func(context.Context) ([]byte, error) { return g.Minter.PublicKeys() }).Verify(t.Context(), txn[0], trustDomain)
	require.NoError(t, err)
	require.Equal(t, []string{"inferences:create"}, verified.Scopes)
	require.WithinDuration(t, time.Now().Add(authn.Lifetime), deadline, authn.Lifetime)
}

func TestInferRefusesBadRequests(t *testing.T) {
	g := newGateway(t, unreachable(t))
	g.Inference.unary = func(context.Context, *inferencev1.InferRequest) (*inferencev1.InferResponse, error) {
		t.Error("reached the upstream")
		return nil, nil
	}
	token := g.Issuer.Token("alice", "inferences:create")
	for name, body := range map[string]string{
		"not JSON": `{`, "unknown field": `{"model":"m","input":"i","owner":"bob"}`, "two values": question + question,
		"no model": `{"input":"i"}`, "no input": `{"model":"m"}`, "wrong type": `{"model":7,"input":"i"}`,
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, http.StatusBadRequest, g.do("POST", "/v1/inferences", token, body).StatusCode)
			require.Equal(t, http.StatusBadRequest, g.do("POST", "/v1/inferences:stream", token, body).StatusCode)
		})
	}
	require.Equal(t, http.StatusRequestEntityTooLarge,
		g.do("POST", "/v1/inferences", token, `{"model":"m","input":"`+strings.Repeat("a", 2<<20)+`"}`).StatusCode)
	require.Equal(t, http.StatusUnauthorized, g.do("POST", "/v1/inferences:stream", "", question).StatusCode)
}

func TestInferErrorsAreMapped(t *testing.T) {
	for kind, status := range map[fault.Kind]int{
		fault.NotFound: 404, fault.InsufficientCredits: 402, fault.Unavailable: 503, fault.Timeout: 504,
		fault.TooLarge: 413, fault.Invalid: 400, fault.Internal: 502, fault.Unauthenticated: 502,
	} {
		t.Run(kind.String(), func(t *testing.T) {
			g := newGateway(t, unreachable(t))
			g.Inference.unary = func(context.Context, *inferencev1.InferRequest) (*inferencev1.InferResponse, error) {
				return nil, fault.ToStatus(fault.New(kind, "the reason"))
			}
			g.Inference.stream = func(*inferencev1.InferRequest, grpc.ServerStreamingServer[inferencev1.InferEvent]) error {
				return fault.ToStatus(fault.New(kind, "the reason"))
			}
			token := g.Issuer.Token("alice", "inferences:create")
			require.Equal(t, status, g.do("POST", "/v1/inferences", token, question).StatusCode)
			require.Equal(t, status, g.do("POST", "/v1/inferences:stream", token, question).StatusCode)
		})
	}
}

func TestStreamBecomesEvents(t *testing.T) {
	g := newGateway(t, unreachable(t))
	g.Inference.stream = func(_ *inferencev1.InferRequest, s grpc.ServerStreamingServer[inferencev1.InferEvent]) error {
		for _, e := range []*inferencev1.InferEvent{piece("a\nb"), piece("c"), finish()} {
			if err := s.Send(e); err != nil {
				return err
			}
		}
		return nil
	}
	r := g.do("POST", "/v1/inferences:stream", g.Issuer.Token("alice", "inferences:create"), question)
	require.Equal(t, http.StatusOK, r.StatusCode, r.Text)
	require.Equal(t, "text/event-stream", r.Header.Get("Content-Type"))
	require.Equal(t, `event: chunk
data: {"text":"a\nb","labels":[{"label":"de","score":0.5}],"offset":0}

event: chunk
data: {"text":"c","labels":[{"label":"de","score":0.5}],"offset":0}

event: done
data: {"model":"langid","version":"1","usage":{"input_bytes":0,"output_bytes":0},"charge":1}

`, r.Text)
}

func TestStreamThatFailsHalfwaySaysSo(t *testing.T) {
	for name, end := range map[string]error{"politely": nil, "with an error": fault.ToStatus(fault.New(fault.Unavailable, "the model went away"))} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, unreachable(t))
			g.Inference.stream = func(_ *inferencev1.InferRequest, s grpc.ServerStreamingServer[inferencev1.InferEvent]) error {
				if err := s.Send(piece("a")); err != nil {
					return err
				}
				return end
			}
			r := g.do("POST", "/v1/inferences:stream", g.Issuer.Token("alice", "inferences:create"), question)
			require.Contains(t, r.Text, "event: chunk\n")
			require.Contains(t, r.Text, "event: error\ndata: {\"type\":\"tag:redoubt.example,2026:problem/")
			require.NotContains(t, r.Text, "event: done")
		})
	}
}

func TestStreamArrivesPieceByPieceAndEndsWithTheClient(t *testing.T) {
	g := newGateway(t, unreachable(t))
	ended := make(chan error, 1)
	g.Inference.stream = func(_ *inferencev1.InferRequest, s grpc.ServerStreamingServer[inferencev1.InferEvent]) error {
		if err := s.Send(piece("first")); err != nil {
			return err
		}
		<-s.Context().Done()
		ended <- s.Context().Err()
		return s.Context().Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", g.URL+"/v1/inferences:stream", strings.NewReader(question))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+g.Issuer.Token("alice", "inferences:create"))
	req.Header.Set("Content-Type", "application/json")
	resp, err := g.Client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	line, err := bufio.NewReader(resp.Body).ReadString('\n') // while the upstream is still at it
	require.NoError(t, err)
	require.Equal(t, "event: chunk\n", line)
	cancel()
	select {
	case err := <-ended:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(5 * time.Second):
		t.Fatal("the upstream goes on without its client")
	}
}

func TestSlowReaderSlowsTheUpstream(t *testing.T) {
	g := newGateway(t, unreachable(t))
	sent := make(chan int, 1)
	g.Inference.stream = func(_ *inferencev1.InferRequest, s grpc.ServerStreamingServer[inferencev1.InferEvent]) error {
		n := 0
		defer func() { sent <- n }()
		for ; n < 4096; n++ { // 64 MiB, if nobody held it back
			if err := s.Send(piece(strings.Repeat("a", 16<<10))); err != nil {
				return err
			}
		}
		return s.Send(finish())
	}
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", g.URL+"/v1/inferences:stream", strings.NewReader(question))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+g.Issuer.Token("alice", "inferences:create"))
	req.Header.Set("Content-Type", "application/json")
	g.http1() // HTTP/2's client reads ahead into its own window
	resp, err := g.Client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	select {
	case n := <-sent:
		t.Fatalf("the upstream sent all %d events to a client that reads none", n)
	case <-time.After(500 * time.Millisecond): // long enough to send 64 MiB over a local socket many times
	}
	cancel()
	require.Less(t, <-sent, 4096)
}
