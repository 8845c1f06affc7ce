package httpserver_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/boundarytest"
	"redoubt.example/services/platform/httpserver"
)

// TestWhoMayPresentAToken: a good token is good on its transaction's path alone, and an external one nowhere.
func TestWhoMayPresentAToken(t *testing.T) {
	h := boundarytest.New(t, "payments", nil)
	var routes []httpserver.Route
	for _, r := range h.Config.Topology.Services["payments"].Routes {
		routes = append(routes, httpserver.Route{Route: r.Route, Handle: func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }})
	}
	server, err := httpserver.New(h.Config, routes...)
	require.NoError(t, err)
	h.Serve(server.Serve)
	document := h.TokenOf("POST /v1/documents", "alice", "documents:write")
	for name, tc := range map[string]struct {
		caller, token, authorization string
		want                         int
		record                       string
	}{
		"outside the path":          {"inference", document, "", http.StatusForbidden, `"rule":"outside-call-path"`},
		"another transaction's":     {"ingestion", h.TokenOf("POST /v1/inferences", "alice", "documents:write"), "", http.StatusForbidden, `"rule":"outside-call-path"`},
		"not listed":                {"notification", document, "", http.StatusForbidden, `"rule":"caller-not-listed"`},
		"external token beside it":  {"ingestion", document, "Bearer x", http.StatusUnauthorized, "external credential"},
		"external token, no other":  {"ingestion", "", "Bearer x", http.StatusUnauthorized, "external credential"},
		"on the path of its making": {"ingestion", document, "", http.StatusNoContent, `"rule":"route-allowed"`},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://payments/v1/authorizations", nil)
			require.NoError(t, err)
			req.Header.Set(authn.Header, tc.token)
			if tc.authorization != "" {
				req.Header.Set("Authorization", tc.authorization)
			}
			res, err := h.HTTP(tc.caller).Do(req)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			require.Equal(t, tc.want, res.StatusCode)
			require.Eventually(t, func() bool { return len(h.Logged(tc.record, `"caller":"`+tc.caller+`"`)) > 0 }, 5*time.Second, 5*time.Millisecond)
		})
	}
}
