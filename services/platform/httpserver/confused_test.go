package httpserver_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/httpserver"
)

// TestConfusedRequests are written byte by byte, as no client library would: what two programs may read differently, the
// boundary refuses or reads in one way only. None reaches the handler of a route that its caller, token and scope don't open.
func TestConfusedRequests(t *testing.T) {
	h := harness(t)
	reached := make(chan string, 100)
	var all []httpserver.Route
	for _, r := range h.Config.Topology.Services["payments"].Routes {
		all = append(all, httpserver.Route{Route: r.Route, Handle: func(c echo.Context) error {
			reached <- r.Route + " " + c.Param("id")
			return c.NoContent(http.StatusNoContent)
		}})
	}
	s, err := httpserver.New(h.Config, all...)
	require.NoError(t, err)
	h.Serve(s.Serve)
	read, write := "Txn-Token: "+h.Token("alice", "things:read"), "Txn-Token: "+h.Token("alice", "things:write")
	forged := "Txn-Token: " + strings.Replace(write[len("Txn-Token: "):], "e", "f", 1)
	for name, tc := range map[string]struct {
		caller, line string
		headers      []string
		status       int
		reaches      string // "" for none
	}{
		// Another route than the policy decided about.
		"encoded slash to a deeper route": {"gateway", "POST /v1/things/7%2Fclose", []string{write}, 404, ""},
		"encoded slash in a parameter":    {"gateway", "GET /v1/things/7%2F..%2F..%2Fkeys", []string{read}, 204, "GET /v1/things/{id} 7/../../keys"},
		"dots to another route":           {"gateway", "POST /v1/things/../things", []string{write}, 404, ""},
		"encoded dots to another route":   {"gateway", "POST /v1/things/%2e%2e/things", []string{write}, 404, ""},
		"needless encoding of a route":    {"gateway", "POST /v1/%74hings", []string{write}, 404, ""},
		"the colon encoded":               {"gateway", "POST /v1/things%3Abatch", []string{write}, 404, ""},
		"capitals":                        {"gateway", "POST /V1/Things", []string{write}, 404, ""},
		"a slash more":                    {"gateway", "POST /v1/things/", []string{write}, 404, ""},
		"two slashes":                     {"gateway", "POST //v1/things", []string{write}, 404, ""},
		"a semicolon":                     {"gateway", "POST /v1/things;x=1", []string{write}, 404, ""},
		"a zero byte":                     {"gateway", "GET /v1/things/%00", []string{read}, 204, "GET /v1/things/{id} \x00"},
		"a host in the request line":      {"gateway", "POST http://gateway/v1/nothing", []string{write}, 404, ""},
		"the route in the query":          {"gateway", "POST /v1/nothing?/v1/things", []string{write}, 404, ""},
		"method in small letters":         {"gateway", "post /v1/things", []string{write}, 404, ""},
		"method override":                 {"gateway", "GET /v1/things/7", []string{read, "X-HTTP-Method-Override: DELETE", "X-HTTP-Method: POST"}, 204, "GET /v1/things/{id} 7"},
		"method override to a write":      {"gateway", "GET /v1/things", []string{read, "X-HTTP-Method-Override: POST"}, 404, ""},
		"rewritten URL":                   {"gateway", "GET /v1/things/7", []string{read, "X-Original-URL: /v1/keys", "X-Rewrite-URL: /v1/keys"}, 204, "GET /v1/things/{id} 7"},
		"another host":                    {"gateway", "GET /v1/things/7", []string{read, "X-Forwarded-Host: gateway"}, 204, "GET /v1/things/{id} 7"},
		"HEAD of what may be read":        {"gateway", "HEAD /v1/things/7", []string{read}, 404, ""},
		"OPTIONS":                         {"gateway", "OPTIONS /v1/things", []string{write}, 404, ""},
		"CONNECT":                         {"gateway", "CONNECT payments:443", []string{write}, 404, ""},
		// Another token than the one that was verified.
		"two tokens, the good one first":  {"gateway", "POST /v1/things", []string{write, forged}, 401, ""},
		"two tokens, the good one last":   {"gateway", "POST /v1/things", []string{forged, write}, 401, ""},
		"two good tokens":                 {"gateway", "POST /v1/things", []string{write, write}, 401, ""},
		"a good token among nothing":      {"gateway", "POST /v1/things", []string{"Txn-Token:", write}, 401, ""},
		"tokens joined by a comma":        {"gateway", "POST /v1/things", []string{write + ", " + write[len("Txn-Token: "):]}, 401, ""},
		"another spelling of the name":    {"gateway", "POST /v1/things", []string{"Txn_Token" + write[len("Txn-Token"):]}, 401, ""},
		"the token as a cookie":           {"gateway", "POST /v1/things", []string{"Cookie: " + write}, 401, ""},
		"the token in the query":          {"gateway", "POST /v1/things?Txn-Token=" + write[len("Txn-Token: "):], nil, 401, ""},
		"the token in a trailer":          {"gateway", "POST /v1/things", []string{"Transfer-Encoding: chunked", "Trailer: Txn-Token", "", "0", write}, 401, ""},
		"small letters are the same name": {"gateway", "POST /v1/things", []string{"txn-token" + write[len("Txn-Token"):]}, 204, "POST /v1/things "},
		// Somebody else than the mesh said.
		"another caller in headers": {"ingestion", "POST /v1/things", []string{write, "X-Forwarded-Client-Cert: URI=spiffe://x/ns/default/dc/dc1/svc/gateway", "X-Caller: gateway", "Forwarded: for=gateway"}, 403, ""},
		"a caller with a dot":       {"gateway.", "POST /v1/things", []string{write}, 403, ""},
		"a caller in capitals":      {"Gateway", "POST /v1/things", []string{write}, 403, ""},
		// An external credential, in whatever number.
		"an external token":            {"gateway", "POST /v1/things", []string{write, "Authorization: Bearer x"}, 401, ""},
		"two external tokens":          {"gateway", "POST /v1/things", []string{write, "Authorization: Bearer x", "Authorization: Bearer x"}, 401, ""},
		"an empty one":                 {"gateway", "POST /v1/things", []string{write, "Authorization:"}, 401, ""},
		"one where no token is needed": {"gateway", "GET /v1/keys", []string{"Authorization: Bearer x", "Authorization: Bearer x"}, 401, ""},
		// One request that hides another.
		"two lengths":              {"gateway", "POST /v1/things", []string{write, "Content-Length: 0", "Content-Length: 5"}, 400, ""},
		"a length and chunks":      {"gateway", "POST /v1/nothing", []string{write, "Content-Length: 4", "Transfer-Encoding: chunked"}, 404, ""},
		"chunks by another name":   {"gateway", "POST /v1/things", []string{write, "Transfer-Encoding: xchunked"}, 501, ""},
		"a space before the colon": {"gateway", "POST /v1/things", []string{"Txn-Token :" + write[len("Txn-Token:"):]}, 400, ""},
		"a folded line":            {"gateway", "POST /v1/things", []string{"X-A: b", " " + write}, 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			status := raw(t, h.Dial, tc.caller, tc.line+" HTTP/1.1\r\n", append([]string{"Host: payments", "Connection: close"}, tc.headers...))
			require.Equal(t, tc.status, status)
			got := ""
			select {
			case got = <-reached:
			default:
			}
			require.Equal(t, tc.reaches, got)
		})
	}
}

type dialer func(ctx context.Context, caller string) (net.Conn, error)

func raw(t *testing.T, dial dialer, caller, line string, headers []string) (status int) {
	t.Helper()
	conn, err := dial(t.Context(), caller)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, line+strings.Join(headers, "\r\n")+"\r\n\r\n")
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}
