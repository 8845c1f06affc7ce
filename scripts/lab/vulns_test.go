package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNoDatabaseIsNoResult: a scan that could look nothing up must not pass.
func TestNoDatabaseIsNoResult(t *testing.T) {
	answer := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(answer) }))
	require.NoError(t, reachable(t.Context(), server.URL))
	answer = http.StatusForbidden
	require.ErrorContains(t, reachable(t.Context(), server.URL), "403")
	server.Close()
	require.Error(t, reachable(t.Context(), server.URL))
}
