package httpserver_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
)

// TestAgain: where the first check is off, the second refuses, and says so under its own name.
func TestAgain(t *testing.T) {
	bobs := forged(`{"sub": "bob", "scope": "things:read", "tctx": {"entry": "GET /v1/things/{id}"}}`)
	for _, tc := range []struct {
		name, off, caller string
		token             bool // a good one
		status            int
	}{
		{"a forged token", controls.AppTxnToken, "gateway", false, http.StatusUnauthorized},
		{"a scope that isn't the route's", controls.AppPolicy, "gateway", true, http.StatusForbidden},
	} {
		t.Run(tc.off, func(t *testing.T) {
			controlstest.Off(t, func() {
				h := harness(t)
				serve(t, h, nil)
				raw := bobs
				if tc.token {
					raw = h.Token("alice", "others:read")
				}
				require.Equal(t, http.StatusOK, send(t, h.HTTP(tc.caller), "GET", "/v1/things/1", raw, "").StatusCode, "without a second check it gets through")
				controls.CheckAgain(slog.New(slog.DiscardHandler))
				require.Equal(t, tc.status, send(t, h.HTTP(tc.caller), "GET", "/v1/things/1", raw, "").StatusCode)
				require.Len(t, h.Logged(`"control":"again `+tc.off+`"`, `"deny"`), 1, tc.name)
				require.Equal(t, http.StatusOK, send(t, h.HTTP(tc.caller), "GET", "/v1/things/1", h.Token("alice", "things:read"), "").StatusCode, "honest traffic passes")
			}, tc.off)
		})
	}
	t.Run("a caller that the topology doesn't list", func(t *testing.T) {
		controlstest.Off(t, func() {
			h := harness(t)
			serve(t, h, nil)
			controls.CheckAgain(slog.New(slog.DiscardHandler))
			require.Equal(t, http.StatusForbidden, send(t, h.HTTP("stranger"), "GET", "/v1/things/1", h.Token("alice", "things:read"), "").StatusCode)
			require.Len(t, h.Logged(`"control":"again mesh.intention"`, `"deny"`), 1)
		}, controls.AppPolicy, controls.MeshIntention)
	})
}
