package httpserver_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
	"redoubt.example/services/platform/policy"
)

// forged is what somebody writes who has no key: the claims alone are looked at where app.txn-token is off.
func forged(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "."
}

func TestOff(t *testing.T) {
	owned := map[string]echo.HandlerFunc{"GET /v1/things/{id}": func(c echo.Context) error {
		if err := policy.Check(c.Request().Context(), policy.Object{Owner: c.Param("id")}); err != nil {
			return err
		}
		return c.NoContent(http.StatusNoContent)
	}}
	bobs := forged(`{"sub": "bob", "scope": "things:read", "tctx": {"entry": "GET /v1/things/{id}"}}`)

	t.Run(controls.AppTxnToken, func(t *testing.T) {
		controlstest.Off(t, func() {
			h := harness(t)
			serve(t, h, nil)
			require.Equal(t, http.StatusOK, send(t, h.HTTP("gateway"), "GET", "/v1/things/1", bobs, "").StatusCode)
			require.Equal(t, http.StatusOK, send(t, h.HTTP("gateway"), "GET", "/v1/things/1", bobs, "", "Authorization", "Bearer x").StatusCode)
			require.Empty(t, h.Logged(controls.AppTxnToken, `"deny"`))
			require.Equal(t, http.StatusForbidden, send(t, h.HTTP("gateway"), "GET", "/v1/things/1", "", "").StatusCode)
			require.Equal(t, http.StatusForbidden, send(t, h.HTTP("ingestion"), "GET", "/v1/things/1", bobs, "").StatusCode)
			require.Len(t, h.Logged(`"control":"app.policy"`), 2, "the next layer")
		}, controls.AppTxnToken)
	})
	t.Run(controls.AppPolicy, func(t *testing.T) {
		controlstest.Off(t, func() {
			h := harness(t)
			serve(t, h, owned)
			alice := h.Token("alice", "others:read")
			require.Equal(t, http.StatusOK, send(t, h.HTTP("ingestion"), "POST", "/v1/things", alice, "{}").StatusCode)
			require.Equal(t, http.StatusNoContent, send(t, h.HTTP("ingestion"), "GET", "/v1/things/alice", alice, "").StatusCode)
			require.Equal(t, http.StatusForbidden, send(t, h.HTTP("ingestion"), "GET", "/v1/things/bob", alice, "").StatusCode)
			require.Len(t, h.Logged(`"control":"app.policy.owner"`), 1, "whose it is remains")
			require.Equal(t, http.StatusUnauthorized, send(t, h.HTTP("ingestion"), "GET", "/v1/things/alice", bobs, "").StatusCode)
		}, controls.AppPolicy)
	})
	t.Run(controls.AppPolicyOwner, func(t *testing.T) {
		controlstest.Off(t, func() {
			h := harness(t)
			serve(t, h, owned)
			require.Equal(t, http.StatusNoContent, send(t, h.HTTP("gateway"), "GET", "/v1/things/bob", h.Token("alice", "things:read"), "").StatusCode)
			require.Equal(t, http.StatusForbidden, send(t, h.HTTP("ingestion"), "GET", "/v1/things/bob", h.Token("alice", "things:read"), "").StatusCode)
		}, controls.AppPolicyOwner)
	})
}

// TestTimeIsEntered: a handler finds in its ledger what the request's way to it has cost.
func TestTimeIsEntered(t *testing.T) {
	var names []string
	h := harness(t)
	serve(t, h, map[string]echo.HandlerFunc{"GET /v1/things/{id}": func(c echo.Context) error {
		err := policy.Check(c.Request().Context(), policy.Object{Owner: "alice"})
		for _, e := range controls.LedgerOf(c.Request().Context()).Entries() {
			names = append(names, e.Name)
		}
		return err
	}})
	send(t, h.HTTP("gateway"), "GET", "/v1/things/1", h.Token("alice", "things:read"), "")
	require.Equal(t, []string{controls.AppTxnToken, controls.AppPolicy, controls.AppPolicyOwner}, names)
}
