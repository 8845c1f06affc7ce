package edge_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"redoubt.example/gateway/internal/edge"
	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

// inner is what no answer may hold: addresses, paths, Go, SQL, the names of our headers and tools.
var inner = regexp.MustCompile(`(?i)\.go\b|goroutine|panic|runtime|127\.0\.0\.1|10\.0\.0\.|\.sock|/tmp/|/run/|dial |unix|pq:|sql|redoubt\.example/|echo|txn-token|vault|consul|grpc|rpc error|<nil>|%!`)

// TestEveryRefusalHasOneShape walks the ways to be refused. The fixture holds each answer against the contract's Problem, its status, and
// its instance against the request's ID; here is the rest.
func TestEveryRefusalHasOneShape(t *testing.T) {
	secret := errors.New("dial unix /run/redoubt/payments.sock: pq: relation users on 10.0.0.7")
	answers := map[string]http.HandlerFunc{
		"/v1/account": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, secret.Error(), http.StatusInternalServerError)
		},
		"/v1/account/transfers": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"/v1/inbox": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://10.0.0.7/", http.StatusFound)
		},
		"/v1/webhook-endpoints": func(w http.ResponseWriter, r *http.Request) {
			inside := r.WithContext(telemetry.WithRequestID(r.Context(), r.Header.Get(telemetry.RequestIDHeader)))
			fault.WriteProblem(w, inside, fault.Wrap(fault.Internal, secret, "internal error"))
		},
	}
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) { answers[r.URL.Path](w, r) }, func(c *edge.Config) {
		c.Mint = func(authn.Grant) (string, error) { return "t", nil }
		c.Ready = func() error { return secret }
	})
	g.Inference.unary = func(context.Context, *inferencev1.InferRequest) (*inferencev1.InferResponse, error) {
		return nil, secret
	}
	g.Inference.stream = func(*inferencev1.InferRequest, grpc.ServerStreamingServer[inferencev1.InferEvent]) error {
		return secret
	}
	token := g.Issuer.Token("alice", "documents:read documents:write account:read inbox:read webhooks:write inferences:create")
	for name, tc := range map[string]struct {
		status int
		reply  func() reply
	}{
		"no token":               {401, func() reply { return g.do("GET", "/v1/documents", "", "") }},
		"a bad token":            {401, func() reply { return g.do("GET", "/v1/documents", "x.y.z", "") }},
		"an API key":             {401, func() reply { return g.do("GET", "/v1/documents", "", "", "Authorization", "ApiKey rdk_x") }},
		"no scope":               {403, func() reply { return g.do("GET", "/v1/documents", g.Issuer.Token("alice", ""), "") }},
		"another origin":         {403, func() reply { return g.do("GET", "/v1/documents", token, "", "Origin", "null") }},
		"no route":               {404, func() reply { return g.do("GET", "/../../etc/passwd", token, "") }},
		"no such ID":             {404, func() reply { return g.do("GET", "/v1/documents/x", token, "") }},
		"no method":              {405, func() reply { return g.do("PATCH", "/v1/documents", token, "") }},
		"TRACE":                  {405, func() reply { return g.do("TRACE", "/v1/documents", token, "") }},
		"retired":                {410, func() reply { return g.do("GET", "/v0/documents", token, "") }},
		"too large":              {413, func() reply { return g.do("POST", "/v1/documents", token, strings.Repeat(" ", 2<<20)) }},
		"another content type":   {415, func() reply { return g.do("POST", "/v1/documents", token, draft, "Content-Type", "text/xml") }},
		"compressed":             {415, func() reply { return g.do("POST", "/v1/documents", token, draft, "Content-Encoding", "gzip") }},
		"not the contract's":     {400, func() reply { return g.do("POST", "/v1/documents", token, `{"title":{}}`) }},
		"a service's plain text": {502, func() reply { return g.do("GET", "/v1/account", token, "") }},
		"a service breaks off":   {502, func() reply { return g.do("GET", "/v1/account/transfers", token, "") }},
		"a service redirects":    {502, func() reply { return g.do("GET", "/v1/inbox", token, "") }},
		"a service's own 500":    {500, func() reply { return g.do("GET", "/v1/webhook-endpoints", token, "") }},
		"gRPC, plain error":      {502, func() reply { return g.do("POST", "/v1/inferences", token, question) }},
		"gRPC, a stream's":       {502, func() reply { return g.do("POST", "/v1/inferences:stream", token, question) }},
		"a bug":                  {500, func() reply { return panicking(t) }},
		"not ready":              {503, func() reply { return g.do("GET", "/readyz", "", "") }},
	} {
		t.Run(name, func(t *testing.T) {
			r := tc.reply()
			require.Equal(t, tc.status, r.StatusCode, r.Text)
			require.Equal(t, "no-store", r.Header.Get("Cache-Control"))
			require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))
			require.NotEmpty(t, r.Problem.Title)
			for key, values := range r.Header {
				require.NotRegexp(t, inner, strings.Join(values, " "), key)
			}
			require.NotRegexp(t, inner, strings.ReplaceAll(r.Text, "tag:redoubt.example,2026:problem/", ""))
		})
	}
}

// panicking answers as a gateway does whose own code has a bug: minting panics.
func panicking(t *testing.T) reply {
	buggy := newGateway(t, unreachable(t), func(c *edge.Config) {
		c.Mint = func(authn.Grant) (string, error) { panic("runtime error: /run/secret.sock") }
	})
	return buggy.do("GET", "/v1/documents", buggy.Issuer.Token("alice", "documents:read"), "")
}

// TestWhatNetHTTPAnswersItself: before there is a request, net/http answers by itself. It can't be given our shape; it says a
// status, and nothing of the inside.
func TestWhatNetHTTPAnswersItself(t *testing.T) {
	g := newGateway(t, unreachable(t))
	for name, tc := range map[string]struct{ request, status string }{
		"garbage":              {"\x00\x01\x02\r\n\r\n", "400"},
		"no host":              {"GET / HTTP/1.1\r\n\r\n", "400"},
		"HTTP/3 in words":      {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", "505"},
		"headers too large":    {"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", "431"},
		"an expectation":       {"POST /v1/documents HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\n", "417"},
		"an unknown coding":    {"POST /v1/documents HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n", "501"},
		"a colon in the wrong": {"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", "400"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := g.dial("http/1.1")
			_, err := io.WriteString(conn, tc.request)
			require.NoError(t, err)
			r, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			defer r.Body.Close()
			text, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.Equal(t, tc.status, r.Status[:3], string(text))
			require.NotRegexp(t, inner, string(text))
			require.Empty(t, r.Header.Get("Server"))
			require.Less(t, len(text), 200)
		})
	}
}
