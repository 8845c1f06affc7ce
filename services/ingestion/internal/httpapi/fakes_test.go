package httpapi_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/fault"
)

// network stands in for the mesh: each peer listens on a socket of its own.
type network struct{ dir string }

func (n network) Dial(ctx context.Context, upstream string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", filepath.Join(n.dir, upstream))
}

func (n network) listen(t *testing.T, name string) net.Listener {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(n.dir, name))
	require.NoError(t, err)
	return l
}

func (n network) serve(t *testing.T, name string, h http.Handler) {
	t.Helper()
	server := &http.Server{Handler: h}
	l := n.listen(t, name)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
}

// payments speaks the protocol of payments for one wallet, and fails as it is told.
type payments struct {
	mu       sync.Mutex
	balance  int64
	keys     map[string]string          // idempotency key -> authorization
	amounts  map[string]int64           // authorization -> amount
	states   map[string]string          // authorization -> state
	captures func(answer string) string // changes a capture's outcome: "", "cut", or a fault's status
}

func newPayments(balance int64) *payments {
	return &payments{balance: balance, keys: map[string]string{}, amounts: map[string]int64{}, states: map[string]string{}}
}

func (p *payments) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Header.Get("Txn-Token") == "" && r.URL.Path != "/v1/settlements" {
		fault.WriteProblem(w, r, fault.New(fault.Unauthenticated, "no token"))
		return
	}
	switch part := strings.Split(r.URL.Path, "/"); {
	case r.URL.Path == "/v1/authorizations":
		p.authorize(w, r)
	case r.URL.Path == "/v1/settlements":
		var in struct{ Authorization_ID, Outcome string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		p.settle(w, r, in.Authorization_ID, "captured")
	case part[len(part)-1] == "void":
		p.settle(w, r, part[3], "voided")
	default:
		p.capture(w, r, part[3])
	}
}

func (p *payments) authorize(w http.ResponseWriter, r *http.Request) {
	var in struct{ Amount int64 }
	_ = json.NewDecoder(r.Body).Decode(&in)
	key := r.Header.Get("Idempotency-Key")
	id, again := p.keys[key]
	if !again {
		if in.Amount > p.balance {
			fault.WriteProblem(w, r, fault.New(fault.InsufficientCredits, "not enough credits"))
			return
		}
		id = uuid.NewString()
		p.keys[key], p.amounts[id], p.states[id] = id, in.Amount, "authorized"
		p.balance -= in.Amount
	}
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{"id": id, "status": "authorized"})
}

func (p *payments) capture(w http.ResponseWriter, r *http.Request, id string) {
	outcome := ""
	if p.captures != nil {
		outcome = p.captures(id)
	}
	switch outcome {
	case "":
		p.settle(w, r, id, "captured")
	case "cut": // done, but nobody hears of it
		p.states[id] = "captured"
		panic(http.ErrAbortHandler)
	case "unauthenticated":
		fault.WriteProblem(w, r, fault.New(fault.Unauthenticated, "the token has expired"))
	default:
		fault.WriteProblem(w, r, fault.New(fault.Unavailable, "%s", outcome))
	}
}

func (p *payments) settle(w http.ResponseWriter, r *http.Request, id, to string) {
	switch p.states[id] {
	case "":
		fault.WriteProblem(w, r, fault.New(fault.NotFound, "no such authorization"))
		return
	case "authorized":
		p.states[id] = to
		if to != "captured" {
			p.balance += p.amounts[id]
		}
	case to:
	default:
		fault.WriteProblem(w, r, fault.New(fault.Conflict, "the authorization is %s", p.states[id]))
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"id": id, "status": to})
}

// count returns how many authorizations are in each state.
func (p *payments) count() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := map[string]int{}
	for _, state := range p.states {
		n[state]++
	}
	return n
}

func (p *payments) onCapture(f func(id string) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.captures = f
}

// inference names every text German, except where it is told otherwise in the text itself.
type inference struct {
	inferencev1.UnimplementedInferenceServiceServer
	entered chan struct{} // a text "wait" was sent in
}

func (i *inference) Classify(ctx context.Context, in *inferencev1.ClassifyRequest) (*inferencev1.ClassifyResponse, error) {
	switch in.GetText() {
	case "fail":
		return nil, status.Error(codes.InvalidArgument, "no")
	case "wait":
		i.entered <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &inferencev1.ClassifyResponse{Language: "de", Score: 1, Model: "langid", Version: "1"}, nil
}

func (i *inference) serve(t *testing.T, n network) {
	t.Helper()
	server := grpc.NewServer()
	inferencev1.RegisterInferenceServiceServer(server, i)
	l := n.listen(t, "inference")
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
}

// notification takes messages, or refuses them.
type notification struct {
	mu       sync.Mutex
	refuse   bool
	messages []map[string]any
}

func (n *notification) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refuse {
		fault.WriteProblem(w, r, fault.New(fault.Unavailable, "not now"))
		return
	}
	var m map[string]any
	_ = json.NewDecoder(r.Body).Decode(&m)
	n.messages = append(n.messages, m)
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write([]byte("{}"))
}
