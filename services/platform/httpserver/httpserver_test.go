package httpserver_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/boundarytest"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/telemetry"
)

const things = `
services:
  gateway: {}
  ingestion: {}
  payments:
    routes:
      - { route: POST /v1/things, callers: [gateway], scopes: ["things:write"] }
      - { route: "POST /v1/things:batch", callers: [gateway], scopes: ["things:write"] }
      - { route: "GET /v1/things/{id}", callers: [gateway], scopes: ["things:read"] }
      - { route: "POST /v1/things/{id}/close", callers: [gateway], scopes: ["things:write"] }
      - { route: GET /v1/keys, callers: [gateway], principal: none }
`

func harness(t *testing.T) *boundarytest.Harness {
	t.Helper()
	top, err := topology.Parse([]byte(things))
	require.NoError(t, err)
	return boundarytest.New(t, "payments", top)
}

// routes are handlers for every route above; replace gives some of them another.
func routes(replace map[string]echo.HandlerFunc) []httpserver.Route {
	var all []httpserver.Route
	for _, text := range []string{"POST /v1/things", "POST /v1/things:batch", "GET /v1/things/{id}", "POST /v1/things/{id}/close", "GET /v1/keys"} {
		handle := replace[text]
		if handle == nil {
			handle = func(c echo.Context) error {
				return c.JSON(http.StatusOK, map[string]string{"route": text, "id": c.Param("id")})
			}
		}
		all = append(all, httpserver.Route{Route: text, Handle: handle})
	}
	return all
}

func serve(t *testing.T, h *boundarytest.Harness, replace map[string]echo.HandlerFunc) {
	t.Helper()
	s, err := httpserver.New(h.Config, routes(replace)...)
	require.NoError(t, err)
	h.Serve(s.Serve)
}

type answer struct {
	*http.Response
	body    string
	problem fault.Problem
}

func send(t *testing.T, client *http.Client, method, path, token, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://payments"+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set(authn.Header, token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	a := answer{Response: resp, body: string(text)}
	if resp.StatusCode >= 400 {
		require.Equal(t, fault.ContentType, resp.Header.Get("Content-Type"), a.body)
		require.NoError(t, json.Unmarshal(text, &a.problem))
		require.Equal(t, resp.Header.Get(telemetry.RequestIDHeader), a.problem.Instance)
	}
	return a
}

func TestNewRefuses(t *testing.T) {
	h := harness(t)
	all := routes(nil)
	noVerifier, noPolicy, stranger := h.Config, h.Config, h.Config
	noVerifier.Verifier, noPolicy.Policy, stranger.Workload = nil, nil, "stranger"
	for name, c := range map[string]struct {
		cfg    httpserver.Config
		routes []httpserver.Route
		want   string
	}{
		"a shadow route":       {h.Config, append(routes(nil), httpserver.Route{Route: "GET /v1/debug"}), `lists no route "GET /v1/debug"`},
		"a missing handler":    {h.Config, all[1:], `"POST /v1/things" of payments has no handler`},
		"two handlers":         {h.Config, append(routes(nil), all[0]), "two handlers"},
		"another spelling":     {h.Config, append(all[1:], httpserver.Route{Route: "POST /v1/things/"}), "lists no route"},
		"no verifier":          {noVerifier, all, "can't verify transaction tokens"},
		"no policy":            {noPolicy, all, "no policy"},
		"an unknown workload":  {stranger, all, "not a service"},
		"none of many":         {h.Config, nil, "has no handler"},
		"a gRPC method's text": {h.Config, append(routes(nil), httpserver.Route{Route: "/a.B/C"}), "lists no route"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := httpserver.New(c.cfg, c.routes...)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestDenials(t *testing.T) {
	h := harness(t)
	serve(t, h, nil)
	good := h.Token("alice", "things:write")
	for name, c := range map[string]struct {
		caller, path, token string
		headers             []string
		status              int
		control             string // whose decision record there must be
	}{
		"no token":               {"gateway", "/v1/things", "", nil, 401, "app.txn-token"},
		"a forged token":         {"gateway", "/v1/things", good[:len(good)-8] + "AAAAAAAA", nil, 401, "app.txn-token"},
		"two tokens":             {"gateway", "/v1/things", good, []string{authn.Header, good}, 401, "app.txn-token"},
		"another caller":         {"ingestion", "/v1/things", good, nil, 403, "app.policy"},
		"another scope":          {"gateway", "/v1/things", h.Token("alice", "things:read"), nil, 403, "app.policy"},
		"no such route":          {"gateway", "/v1/nothing", good, nil, 404, ""},
		"another method":         {"gateway", "/v1/keys", good, nil, 404, ""},
		"an empty name":          {"gateway", "/v1/things//close", good, nil, 404, ""},
		"the colon as parameter": {"gateway", "/v1/thingsX", good, nil, 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := send(t, h.HTTP(c.caller), "POST", c.path, c.token, "{}", c.headers...)
			require.Equal(t, c.status, a.StatusCode, a.body)
			if c.control != "" {
				require.Len(t, h.Logged(`"decision":"deny"`, `"control":"`+c.control+`"`, a.problem.Instance), 1)
			}
			require.Eventually(t, func() bool { // the line follows the response
				return len(h.Logged(`"msg":"request"`, a.problem.Instance)) == 1
			}, time.Second, time.Millisecond)
		})
	}
	require.NotContains(t, strings.Join(h.Logged(""), ""), good, "tokens stay out of the log")
}

func TestNoIdentityNoRequest(t *testing.T) {
	h := harness(t)
	serve(t, h, nil)
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://payments/v1/keys", nil)
	require.NoError(t, err)
	_, err = h.HTTP("").Do(req)
	require.Error(t, err, "the mesh closes a connection that doesn't say who calls")

	s, err := httpserver.New(h.Config, routes(nil)...)
	require.NoError(t, err)
	w := httptest.NewRecorder() // and should it not: the boundary does
	s.ServeHTTP(w, httptest.NewRequest("GET", "/v1/keys", nil))
	require.Equal(t, http.StatusForbidden, w.Code)
}

func TestAllowed(t *testing.T) {
	h := harness(t)
	serve(t, h, nil)
	gateway := h.HTTP("gateway")
	for _, c := range []struct{ method, path, scope, want string }{
		{"POST", "/v1/things", "things:write", `{"route":"POST /v1/things","id":""}`},
		{"POST", "/v1/things:batch", "things:write", `{"route":"POST /v1/things:batch","id":""}`},
		{"GET", "/v1/things/7", "things:read", `{"route":"GET /v1/things/{id}","id":"7"}`},
		{"GET", "/v1/things/a%2Fb", "things:read", `{"route":"GET /v1/things/{id}","id":"a/b"}`},
		{"POST", "/v1/things/7/close", "things:write", `{"route":"POST /v1/things/{id}/close","id":"7"}`},
		{"GET", "/v1/keys", "", `{"route":"GET /v1/keys","id":""}`},
	} {
		token := ""
		if c.scope != "" {
			token = h.Token("alice", c.scope)
		}
		a := send(t, gateway, c.method, c.path, token, "")
		require.Equal(t, http.StatusOK, a.StatusCode, "%s %s: %s", c.method, c.path, a.body)
		require.JSONEq(t, c.want, a.body)
	}
}

func TestRequestID(t *testing.T) {
	h := harness(t)
	var trace string
	serve(t, h, map[string]echo.HandlerFunc{"GET /v1/keys": func(c echo.Context) error {
		trace = telemetry.Traceparent(c.Request().Context())
		return c.NoContent(http.StatusNoContent)
	}})
	gateway := h.HTTP("gateway")
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

	a := send(t, gateway, "GET", "/v1/keys", "", "", telemetry.RequestIDHeader, "bad id\t")
	require.NotContains(t, a.Header.Get(telemetry.RequestIDHeader), "bad")
	require.Empty(t, trace)

	a = send(t, gateway, "GET", "/v1/keys", "", "", telemetry.RequestIDHeader, "req-1", "traceparent", parent)
	require.Equal(t, "req-1", a.Header.Get(telemetry.RequestIDHeader))
	require.Equal(t, parent, trace)
}

func TestMetricsHaveBoundedLabels(t *testing.T) {
	h := harness(t)
	serve(t, h, nil)
	for i := range 3 {
		send(t, h.HTTP("gateway"), "GET", fmt.Sprintf("/v1/guess-%d", i), "", "")
		send(t, h.HTTP("gateway"), "GET", fmt.Sprintf("/v1/things/%d", i), h.Token("alice", "things:read"), "")
	}
	require.Eventually(t, func() bool {
		w := httptest.NewRecorder()
		h.Config.Metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		text := w.Body.String()
		require.NotContains(t, text, "guess")
		return strings.Contains(text, `_count{caller="gateway",code="404",route="unmatched",service="payments"} 3`) &&
			strings.Contains(text, `_count{caller="gateway",code="200",route="GET /v1/things/{id}",service="payments"} 3`)
	}, time.Second, 5*time.Millisecond)
}
