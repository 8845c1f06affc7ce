package httpserver_test

import (
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/servertiming"
)

// TestTimingIsForWhoHasTheScope: nobody else gets any, whatever he sends.
func TestTimingIsForWhoHasTheScope(t *testing.T) {
	h := harness(t)
	serve(t, h, map[string]echo.HandlerFunc{
		"POST /v1/things":            func(c echo.Context) error { return c.NoContent(http.StatusNoContent) },
		"POST /v1/things:batch":      func(c echo.Context) error { return fault.New(fault.Conflict, "no") },
		"POST /v1/things/{id}/close": func(c echo.Context) error { return c.Blob(http.StatusOK, "text/plain", make([]byte, 100_000)) },
	})
	gateway := h.HTTP("gateway")
	for _, c := range []struct {
		method, path, scope, route string
		status                     int
		inHeader                   bool
	}{
		{"GET", "/v1/things/7", "things:read", "GET /v1/things/{id}", 200, false},
		{"POST", "/v1/things/7/close", "things:write", "POST /v1/things/{id}/close", 200, false},
		{"POST", "/v1/things:batch", "things:write", "POST /v1/things:batch", 409, false},
		{"POST", "/v1/things", "things:write", "POST /v1/things", 204, true},
		{"POST", "/v1/things", "things:read", "POST /v1/things", 403, false}, // admitted by nobody, but who asks is known
	} {
		without := send(t, gateway, c.method, c.path, h.Token("alice", c.scope), "{}", "Prefer", "server-timing", "Te", "trailers", servertiming.Field, "hop")
		require.Equal(t, c.status, without.StatusCode)
		require.Empty(t, without.Header.Values(servertiming.Field), c.route)
		require.Empty(t, without.Header.Values("Trailer"), c.route)
		require.Empty(t, without.Trailer, c.route)

		with := send(t, gateway, c.method, c.path, h.Token("alice", c.scope, servertiming.Scope), "{}")
		require.Equal(t, c.status, with.StatusCode)
		field, other := with.Trailer, with.Header
		if c.inHeader {
			field, other = other, field
		}
		require.Empty(t, other.Get(servertiming.Field), c.route)
		hop, err := servertiming.Parse(field.Get(servertiming.Field))
		require.NoError(t, err, c.route)
		require.Equal(t, []string{"payments", c.route}, []string{hop.Service, hop.Route})
		parts := map[string]bool{}
		for _, p := range hop.Parts {
			parts[p.Name] = true
		}
		require.True(t, parts["app.txn-token"] && parts["app.policy"] && parts["ledger"], "%v", parts)
		require.Equal(t, c.status != 403 && !c.inHeader, parts["application"], "a header is written within the handler: %v", parts)
		require.Equal(t, !c.inHeader, parts["telemetry"], "and before the log line: %v", parts)
	}
	forged := h.Token("alice", "things:read", servertiming.Scope)
	refused := send(t, gateway, "GET", "/v1/things/7", forged[:len(forged)-8]+"AAAAAAAA", "")
	require.Equal(t, http.StatusUnauthorized, refused.StatusCode)
	require.Empty(t, refused.Trailer)
	require.Empty(t, refused.Header.Values(servertiming.Field))
}
