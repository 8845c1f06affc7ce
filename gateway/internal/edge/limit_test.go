package edge_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/address"
	"redoubt.example/gateway/internal/edge"
	"redoubt.example/gateway/internal/ratelimit"
	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
)

func fine(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// hourly is n an hour: what is used up in a test stays so.
func hourly(n int64) ratelimit.Quota { return ratelimit.Quota{Count: n, Period: time.Hour} }

func limited(l edge.Limits) func(*edge.Config) {
	return func(cfg *edge.Config) {
		l.Limiter = ratelimit.NewLocal()
		cfg.Limits = l
	}
}

func requireLimited(t *testing.T, g *gateway, r reply, control string) {
	t.Helper()
	require.Equal(t, http.StatusTooManyRequests, r.StatusCode, r.Text)
	g.requireDecision(r, control)
	after, err := strconv.Atoi(r.Header.Get("Retry-After"))
	require.NoError(t, err)
	require.Positive(t, after)
	require.Contains(t, r.Header.Get("RateLimit"), ";r=0;t=")
}

func TestLimitOfAnAddress(t *testing.T) {
	g := newGateway(t, fine, limited(edge.Limits{Address: hourly(4)}))
	alice := g.Issuer.Token("alice", "documents:read")
	r := g.do("GET", "/v1/documents", alice, "")
	require.Equal(t, http.StatusNoContent, r.StatusCode)
	require.Equal(t, `"address";q=4;w=3600`, r.Header.Get("RateLimit-Policy"))
	require.Equal(t, `"address";r=3;t=900`, r.Header.Get("RateLimit"))
	g.do("GET", "/v1/nothing", "", "") // what is refused for another reason counts, too
	g.do("GET", "/v1/documents", "garbage", "")
	require.Contains(t, g.do("GET", "/v1/documents", "", "").Header.Get("RateLimit"), "r=0")
	requireLimited(t, g, g.do("GET", "/v1/documents", alice, ""), controls.EdgeLimitAddress)
	requireLimited(t, g, g.do("GET", "/v1/documents", g.Issuer.Token("bob", "documents:read"), "", "X-Forwarded-For", "203.0.113.7"), controls.EdgeLimitAddress)
}

// TestForgedForwardedForDoesNotHelp: behind a proxy of ours, the address is the one that the proxy saw.
func TestForgedForwardedForDoesNotHelp(t *testing.T) {
	var proxies address.Proxies
	require.NoError(t, proxies.UnmarshalText([]byte("127.0.0.0/8")))
	g := newGateway(t, fine, limited(edge.Limits{Address: hourly(2)}), func(cfg *edge.Config) { cfg.Proxies = proxies })
	ask := func(forwarded ...string) reply {
		return g.do("GET", "/v1/documents", g.Issuer.Token("alice", "documents:read"), "", "X-Forwarded-For", strings.Join(forwarded, ", "))
	}
	for i := range 2 {
		require.Equal(t, http.StatusNoContent, ask(fmt.Sprintf("192.0.2.%d", i), "203.0.113.7").StatusCode)
	}
	requireLimited(t, g, ask("192.0.2.99", "203.0.113.7"), controls.EdgeLimitAddress)
	require.Equal(t, http.StatusNoContent, ask("203.0.113.7", "203.0.113.8").StatusCode, "another client of the proxy's")
	require.Equal(t, http.StatusNoContent, ask("2001:db8::1").StatusCode)
	require.Equal(t, http.StatusNoContent, ask("2001:db8::2").StatusCode)
	requireLimited(t, g, ask("2001:db8::3"), controls.EdgeLimitAddress)
	require.Contains(t, g.log.String(), `"client":"203.0.113.7"`)
}

func TestLimitOfAPrincipalAndOfARoute(t *testing.T) {
	g := newGateway(t, fine, limited(edge.Limits{Principal: hourly(5), Route: hourly(3)}))
	alice := g.Issuer.Token("alice", "documents:read account:read")
	for range 3 {
		require.Equal(t, http.StatusNoContent, g.do("GET", "/v1/documents", alice, "").StatusCode)
	}
	r := g.do("GET", "/v1/documents", alice, "")
	requireLimited(t, g, r, controls.EdgeLimitRoute)
	require.Equal(t, `"principal";q=5;w=3600, "route";q=3;w=3600`, r.Header.Get("RateLimit-Policy"))
	require.Equal(t, http.StatusNoContent, g.do("GET", "/v1/account", alice, "").StatusCode, "another route")
	r = g.do("GET", "/v1/account", g.Issuer.Token("alice", "account:read"), "")
	requireLimited(t, g, r, controls.EdgeLimitPrincipal)
	bob := g.Issuer.Token("bob", "documents:read")
	require.Equal(t, http.StatusNoContent, g.do("GET", "/v1/documents", bob, "").StatusCode, "another principal")

	for i := range 4 { // a public route has no principal: its client is the address
		r = g.do("POST", "/v1/webhooks/source", "", "{}", "Webhook-Id", "a", "Webhook-Timestamp", "1", "Webhook-Signature", "v1,a")
		require.Equal(t, i == 3, r.StatusCode == http.StatusTooManyRequests, r.Text)
	}
	requireLimited(t, g, r, controls.EdgeLimitRoute)
}

func TestLimitByCost(t *testing.T) {
	g := newGateway(t, fine, limited(edge.Limits{Cost: hourly(1000)}))
	g.Inference.unary = func(context.Context, *inferencev1.InferRequest) (*inferencev1.InferResponse, error) {
		return &inferencev1.InferResponse{}, nil
	}
	alice := g.Issuer.Token("alice", "inferences:create documents:read")
	ask := func(length int) reply {
		body := `{"model":"langid","input":"` + strings.Repeat("a", length) + `"}`
		return g.do("POST", "/v1/inferences", alice, body)
	}
	r := ask(500)
	require.Equal(t, http.StatusOK, r.StatusCode, r.Text)
	require.Equal(t, `"cost";q=1000;w=3600;qu="content-bytes"`, r.Header.Get("RateLimit-Policy"))
	r = ask(500)
	require.Equal(t, http.StatusTooManyRequests, r.StatusCode)
	g.requireDecision(r, controls.EdgeLimitCost)
	require.NotEmpty(t, r.Header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, ask(100).StatusCode, "a short one still passes")
	require.Empty(t, g.do("GET", "/v1/documents", alice, "").Header.Get("RateLimit"), "other routes cost nothing")
	require.Equal(t, http.StatusOK, g.do("POST", "/v1/inferences", g.Issuer.Token("bob", "inferences:create"), `{"model":"langid","input":"a"}`).StatusCode)
}

// TestLimitsOff: each limit stops what it stops, and nothing else does.
func TestLimitsOff(t *testing.T) {
	one := edge.Limits{Address: hourly(1), Principal: hourly(1), Route: hourly(1)}
	all := []string{controls.EdgeLimitAddress, controls.EdgeLimitPrincipal, controls.EdgeLimitRoute}
	for _, left := range append(all, "") {
		var off []string
		for _, id := range all {
			if id != left {
				off = append(off, id)
			}
		}
		controlstest.Off(t, func() {
			g := newGateway(t, fine, limited(one))
			alice := g.Issuer.Token("alice", "documents:read")
			g.do("GET", "/v1/documents", alice, "")
			r := g.do("GET", "/v1/documents", alice, "")
			if left == "" {
				require.Equal(t, http.StatusNoContent, r.StatusCode)
				return
			}
			requireLimited(t, g, r, left)
		}, off...)
	}
}

func TestListedAddresses(t *testing.T) {
	known, err := address.Open(address.Config{DenyList: listOf(t, "203.0.113.0/24\n127.0.0.0/8\n"), Log: slog.Default()})
	require.NoError(t, err)
	g := newGateway(t, unreachable(t), func(cfg *edge.Config) { cfg.Addresses = known })
	for _, path := range []string{"/v1/documents", "/nothing"} {
		r := g.do("GET", path, g.Issuer.Token("alice", "documents:read"), "")
		require.Equal(t, http.StatusForbidden, r.StatusCode)
		g.requireDecision(r, controls.EdgeAddress)
	}
	resp, err := g.Client.Get(g.URL + "/livez")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	controlstest.Off(t, func() {
		g := newGateway(t, fine, func(cfg *edge.Config) { cfg.Addresses = known })
		require.Equal(t, http.StatusNoContent, g.do("GET", "/v1/documents", g.Issuer.Token("alice", "documents:read"), "").StatusCode)
	}, controls.EdgeAddress)
}
