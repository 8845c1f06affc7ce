package payments_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/inference/internal/payments"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/upstream"
)

// peer is a payments service that notes what it is asked.
type peer struct {
	*httptest.Server
	asked  []string // "path idempotency-key"
	bodies []map[string]any
	answer func(w http.ResponseWriter, r *http.Request)
}

func newPeer(t *testing.T, answer func(http.ResponseWriter, *http.Request)) *peer {
	p := &peer{answer: answer}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body)
		p.asked = append(p.asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Idempotency-Key"))
		p.bodies = append(p.bodies, body)
		p.answer(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *peer) Dial(ctx context.Context, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", p.Listener.Addr().String())
}

func (p *peer) client() payments.Client {
	return payments.Client{Upstream: upstream.HTTP(p, "payments", upstream.WithLogger(slog.New(slog.DiscardHandler)))}
}

func reply(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}

func with(t *testing.T, left time.Duration) context.Context {
	return authn.NewContext(t.Context(), &authn.Token{Raw: "x", Expires: time.Now().Add(left)})
}

func TestAuthorizeFails(t *testing.T) {
	p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		fault.WriteProblem(w, r, fault.New(fault.InsufficientCredits, "2 credits short"))
	})
	_, err := p.client().Authorize(with(t, time.Minute), "k", 3, "inference")
	require.Equal(t, fault.InsufficientCredits, fault.KindOf(err))

	_, err = newPeer(t, reply(`{}`)).client().Authorize(with(t, time.Minute), "k", 3, "inference")
	require.Equal(t, fault.UpstreamFailed, fault.KindOf(err), "an authorization without ID can't be settled")
}

func TestAuthorize(t *testing.T) {
	p := newPeer(t, reply(`{"id":"a1","amount":3,"status":"authorized"}`))
	id, err := p.client().Authorize(with(t, time.Minute), "k", 3, "inference r1")
	require.NoError(t, err)
	require.Equal(t, "a1", id)
	require.Equal(t, []string{"POST /v1/authorizations k"}, p.asked)
	require.Equal(t, map[string]any{"amount": 3.0, "reference": "inference r1"}, p.bodies[0])
}

func TestSettle(t *testing.T) {
	unauthenticated := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/settlements" {
			fault.WriteProblem(w, r, fault.New(fault.Unauthenticated, "expired"))
		}
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		left   time.Duration
		want   []string
	}{
		"the token is good":    {reply("{}"), time.Minute, []string{"POST /v1/authorizations/a1/capture capture-a1"}},
		"the token is over":    {reply("{}"), time.Second, []string{"POST /v1/settlements capture-a1"}},
		"the token is refused": {unauthenticated, time.Minute, []string{"POST /v1/authorizations/a1/capture capture-a1", "POST /v1/settlements capture-a1"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, c.answer)
			require.NoError(t, p.client().Capture(with(t, c.left), "a1"))
			require.Equal(t, c.want, p.asked)
		})
	}
	p := newPeer(t, reply("{}"))
	require.NoError(t, p.client().Void(t.Context(), "a1"))
	require.Equal(t, map[string]any{"authorization_id": "a1", "outcome": "void"}, p.bodies[0])
	require.NoError(t, p.client().Void(with(t, time.Minute), "../x"))
	require.Equal(t, "POST /v1/authorizations/../x/void void-../x", p.asked[1], "escaped on the wire")
}

func TestSettleFails(t *testing.T) {
	p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		fault.WriteProblem(w, r, fault.New(fault.Conflict, "the authorization is expired"))
	})
	require.Equal(t, fault.Conflict, fault.KindOf(p.client().Capture(with(t, time.Minute), "a1")))
	require.Len(t, p.asked, 1)
}
