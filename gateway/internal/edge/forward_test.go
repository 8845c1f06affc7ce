package edge_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

func TestForwardsWithATransactionToken(t *testing.T) {
	type seen struct {
		request *http.Request
		body    string
	}
	got := make(chan seen, 1)
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- seen{r, string(body)}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Location", "/v1/documents/doc-1")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"doc-1"}`)
	})
	token := g.Issuer.Token("alice", "documents:write documents:read inbox:read")
	r := g.do("POST", "/v1/documents", token, `{"title":"t","text":"x"}`, "Idempotency-Key", "k-1")
	require.Equal(t, http.StatusCreated, r.StatusCode)
	require.Equal(t, `{"id":"doc-1"}`, r.Text)
	require.Equal(t, "/v1/documents/doc-1", r.Header.Get("Location"))

	in := <-got
	require.Equal(t, `{"title":"t","text":"x"}`, in.body)
	require.Equal(t, "/v1/documents", in.request.RequestURI)
	require.Equal(t, "k-1", in.request.Header.Get("Idempotency-Key"))
	require.Equal(t, r.Header.Get(telemetry.RequestIDHeader), in.request.Header.Get(telemetry.RequestIDHeader))
	verifier := authn.NewVerifier(func(context.Context) ([]byte, error) { return g.Minter.PublicKeys() })
	txn, err := verifier.Verify(t.Context(), in.request.Header.Get(authn.Header), trustDomain)
	require.NoError(t, err)
	require.Equal(t, "alice", txn.Subject)
	require.Equal(t, []string{"documents:write"}, txn.Scopes, "narrowed to the route")
	require.Equal(t, self, txn.Requester)
	require.Equal(t, "test-client", txn.Client)
	require.Equal(t, r.Header.Get(telemetry.RequestIDHeader), txn.Txn)
	require.Empty(t, in.request.Header.Get("Authorization"))
	require.NotContains(t, g.log.String(), token)
	require.NotContains(t, g.log.String(), "alice")
}

func TestForgedHeadersDontPass(t *testing.T) {
	got := make(chan http.Header, 1)
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) { got <- r.Header; w.WriteHeader(http.StatusNoContent) })
	smuggled, err := g.Minter.Mint(authn.Grant{Txn: "t", Subject: "bob", Scopes: []string{"documents:read"}, Entry: "GET /v1/documents", Requester: self})
	require.NoError(t, err)
	forged := []string{
		"Txn-Token", smuggled, "X-Request-Id", "chosen-by-me", "X-Forwarded-For", "127.0.0.1", "X-Forwarded-Client-Cert", "By=" + self,
		"Forwarded", "for=127.0.0.1", "X-Real-Ip", "127.0.0.1", "Traceparent", "00-11111111111111111111111111111111-2222222222222222-01",
		"X-Is-Internal", "true", "Cookie", "a=b", "Proxy-Authorization", "Basic eDp5", "Te", "trailers",
	}
	r := g.do("GET", "/v1/documents", g.Issuer.Token("alice", "documents:read"), "", forged...)
	require.Equal(t, http.StatusNoContent, r.StatusCode, r.Text)

	in := <-got
	verifier := authn.NewVerifier(func(context.Context) ([]byte, error) { return g.Minter.PublicKeys() })
	txn, err := verifier.Verify(t.Context(), in.Get(authn.Header), trustDomain)
	require.NoError(t, err)
	require.Equal(t, "alice", txn.Subject)
	require.Len(t, in.Values(authn.Header), 1)
	require.Equal(t, []string{r.Header.Get(telemetry.RequestIDHeader)}, in.Values(telemetry.RequestIDHeader))
	require.NotEqual(t, "chosen-by-me", in.Get(telemetry.RequestIDHeader))
	for i := 4; i < len(forged); i += 2 {
		require.Empty(t, in.Values(forged[i]), forged[i])
	}
	record := g.requireDecision(r, controls.EdgeHeaders)
	require.Contains(t, record["headers"], "Txn-Token")
}

func TestHopByHopHeadersDontPass(t *testing.T) {
	got := make(chan http.Header, 1)
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) { got <- r.Header; w.WriteHeader(http.StatusNoContent) })
	g.http1()
	r := g.do("GET", "/v1/documents", g.Issuer.Token("alice", "documents:read"), "", "Connection", "X-Secret, Upgrade", "X-Secret", "1", "Upgrade", "websocket")
	require.Equal(t, http.StatusNoContent, r.StatusCode)
	require.Equal(t, 1, r.ProtoMajor)
	in := <-got
	for _, name := range []string{"Connection", "X-Secret", "Upgrade"} {
		require.Empty(t, in.Values(name), name)
	}
}

func TestPathParametersAndQuery(t *testing.T) {
	got := make(chan string, 1)
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
		got <- r.Method + " " + r.RequestURI
		w.WriteHeader(http.StatusNoContent)
	})
	staff := g.Issuer.Token("carol", "payments:refund documents:read documents:write webhooks:write accounts:admin")
	for request, want := range map[string]string{
		"POST /v1/transfers/" + exampleID + "/refund": "POST /v1/transfers/" + exampleID + "/refund",
		"GET /v1/documents?limit=2&cursor=a%5Fb":      "GET /v1/documents?cursor=a_b&limit=2",
		"POST /v1/documents:batch":                    "POST /v1/documents:batch",
		"DELETE /v1/webhook-endpoints/" + exampleID:   "DELETE /v1/webhook-endpoints/" + exampleID,
		"GET /v1/documents/" + exampleID:              "GET /v1/documents/" + exampleID,
		"PUT /v1/accounts/al.ice-1:b_c/state":         "PUT /v1/accounts/al.ice-1:b_c/state",
	} {
		method, path, _ := strings.Cut(request, " ")
		body := map[string]string{"POST /v1/documents:batch": `{"documents":[` + draft + `]}`, "PUT /v1/accounts/al.ice-1:b_c/state": `{"state":"active"}`}[request]
		r := g.do(method, path, staff, body)
		require.Equal(t, http.StatusNoContent, r.StatusCode, request)
		require.Equal(t, want, <-got)
	}
}

func TestUpstreamsAnswersAreCleaned(t *testing.T) {
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for name, value := range map[string]string{
			"Server": "Echo/4", "X-Internal-Host": "10.0.0.7", "Txn-Token": "secret", "Set-Cookie": "a=b", "X-Request-Id": "other",
			"Location": "http://10.0.0.7/x", "Etag": `"v1"`, "Content-Type": "application/json", "Cache-Control": "public",
		} {
			h.Set(name, value)
		}
		_, _ = io.WriteString(w, `{}`)
	})
	r := g.do("GET", "/v1/documents", g.Issuer.Token("alice", "documents:read"), "")
	require.Equal(t, http.StatusOK, r.StatusCode)
	require.Equal(t, `"v1"`, r.Header.Get("Etag"))
	for _, name := range []string{"Server", "X-Internal-Host", "Txn-Token", "Set-Cookie", "Location"} {
		require.Empty(t, r.Header.Values(name), name)
	}
	require.Len(t, r.Header.Values("X-Request-Id"), 1)
	require.Equal(t, "no-store", r.Header.Get("Cache-Control"))
	require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))
	require.Contains(t, r.Header.Get("Strict-Transport-Security"), "max-age=")
}

func TestUpstreamsErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		status int
		detail string
	}{
		"its problem passes": {func(w http.ResponseWriter, r *http.Request) {
			fault.WriteProblem(w, r.WithContext(telemetry.WithRequestID(r.Context(), r.Header.Get("X-Request-Id"))), fault.New(fault.InsufficientCredits, "2 credits are missing"))
		}, 402, "2 credits are missing"},
		"its plain text doesn't": {func(w http.ResponseWriter, r *http.Request) { http.Error(w, "pq: relation users", 500) }, 502, ""},
		"its refusal of our token isn't the client's": {func(w http.ResponseWriter, r *http.Request) {
			fault.WriteProblem(w, r, fault.New(fault.Unauthenticated, "transaction token: expired"))
		}, 502, "the transaction was refused"},
		"a redirect isn't followed": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://127.0.0.1:1/", 302) }, 502, "unexpected redirect"},
		"a broken connection":       {func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, 502, "ingestion can't be reached"},
		"nobody there":              {nil, 502, "ingestion can't be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, tc.answer)
			r := g.do("POST", "/v1/documents", g.Issuer.Token("alice", "documents:write"), draft)
			require.Equal(t, tc.status, r.StatusCode, r.Text)
			require.Equal(t, tc.detail, r.Problem.Detail)
			require.NotContains(t, r.Text, "pq:")
			require.Empty(t, r.Header.Get("WWW-Authenticate"))
		})
	}
}

func TestOpenBreakerIs503(t *testing.T) {
	var calls atomic.Int64
	g := newGateway(t, func(http.ResponseWriter, *http.Request) { calls.Add(1); panic(http.ErrAbortHandler) })
	token := g.Issuer.Token("alice", "documents:write")
	var last reply
	for range 100 {
		if last = g.do("POST", "/v1/documents", token, draft); last.StatusCode == http.StatusServiceUnavailable {
			break
		}
	}
	require.Equal(t, http.StatusServiceUnavailable, last.StatusCode)
	before := calls.Load()
	g.do("POST", "/v1/documents", token, draft)
	require.Equal(t, before, calls.Load())
}

func TestClientThatBreaksOffDoesNotOpenTheBreaker(t *testing.T) {
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	token := g.Issuer.Token("alice", "documents:write")
	for range 50 {
		req, err := http.NewRequest("POST", g.URL+"/v1/documents", io.MultiReader(strings.NewReader("half"), broken{}))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		_, err = g.Client.Do(req)
		require.Error(t, err)
	}
	require.Equal(t, http.StatusNoContent, g.do("POST", "/v1/documents", token, draft).StatusCode)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, fmt.Errorf("broken off") }

func TestWebhooksPassByteForByteWithoutAToken(t *testing.T) {
	const body = "{ \"type\" : \"a\",\r\n\t\"data\":{\"b\":\"\u00fc\"} }\n"
	type seen struct {
		header http.Header
		body   string
	}
	got := make(chan seen, 1)
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got <- seen{r.Header, string(text)}
		fault.WriteProblem(w, r.WithContext(telemetry.WithRequestID(r.Context(), r.Header.Get("X-Request-Id"))), fault.New(fault.Unauthenticated, "signature doesn't verify"))
	})
	r := g.do("POST", "/v1/webhooks/github", "", body, "Webhook-Id", "msg_1", "Webhook-Timestamp", "1700000000", "Webhook-Signature", "v1,abc=", "Txn-Token", "smuggled")
	require.Equal(t, http.StatusUnauthorized, r.StatusCode, "the receiver's own answer")
	require.Equal(t, `Signature realm="redoubt"`, r.Header.Get("WWW-Authenticate"))
	in := <-got
	require.Equal(t, body, in.body)
	require.Equal(t, "v1,abc=", in.header.Get("Webhook-Signature"))
	require.Equal(t, "msg_1", in.header.Get("Webhook-Id"))
	require.Equal(t, "1700000000", in.header.Get("Webhook-Timestamp"))
	require.Empty(t, in.header.Get(authn.Header))
	g.requireDecision(r, controls.EdgeHeaders)
}

func TestHealthAndMetrics(t *testing.T) {
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	require.Equal(t, http.StatusNoContent, g.do("GET", "/livez", "", "").StatusCode)
	require.Equal(t, http.StatusNoContent, g.do("GET", "/readyz", "", "").StatusCode)
	r := g.do("GET", "/v1/documents", g.Issuer.Token("alice", "documents:read"), "")
	require.Equal(t, http.StatusNoContent, r.StatusCode)
	require.Equal(t, 2, r.ProtoMajor, "HTTP/2")
	g.do("GET", "/v1/documents", "", "")
	g.do("GET", "/v1/nothing/"+strings.Repeat("x", 50), "", "")

	w := httptest.NewRecorder()
	g.Metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, series := range []string{
		`caller="outside",code="204",route="GET /v1/documents"`, `caller="outside",code="401",route="GET /v1/documents"`,
		`caller="outside",code="404",route="unmatched"`,
	} {
		require.Contains(t, w.Body.String(), series)
	}
	require.NotContains(t, w.Body.String(), "xxxx")
	require.NotContains(t, w.Body.String(), "livez")
}

// TestNoBodyStaysNone: a service that wants none doesn't get one of unknown length.
func TestNoBodyStaysNone(t *testing.T) {
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
		require.Zero(t, r.ContentLength)
		w.WriteHeader(http.StatusNoContent)
	})
	r := g.do("POST", "/v1/transfers/01900000-0000-7000-8000-000000000000/refund", g.Issuer.Token("carol", "payments:refund"), "")
	require.Equal(t, http.StatusNoContent, r.StatusCode, r.Text)
}
