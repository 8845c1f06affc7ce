package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/attest"
)

// TestWithheld: a workload that is shut out has no documents until it is let in again, and others keep theirs.
func TestWithheld(t *testing.T) {
	issuer, err := attest.NewIssuer()
	require.NoError(t, err)
	k, folder := newKeeper(issuer), t.TempDir()
	path := func(workload string) string { return filepath.Join(folder, workload+".jwt") }
	for _, workload := range []string{"payments", "ingestion"} {
		k.files[workload] = []attest.File{{Path: path(workload), Subject: workload, Audience: attest.AudienceVault}}
		require.NoError(t, k.give(workload))
	}
	handler := handler(k, slog.New(slog.DiscardHandler))
	ask := func(method, target, body string) int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
		return w.Code
	}
	require.Equal(t, http.StatusForbidden, ask(http.MethodPost, "/v1/documents", `{"subject": "payments", "audience": "vault"}`), "not even for who holds the socket")
	require.Equal(t, http.StatusNotFound, ask(http.MethodPut, "/v1/withheld/nobody", ""))
	for range 2 {
		require.Equal(t, http.StatusOK, ask(http.MethodPut, "/v1/withheld/payments", ""))
		require.NoFileExists(t, path("payments"))
		require.FileExists(t, path("ingestion"))
	}
	for range 2 {
		require.Equal(t, http.StatusOK, ask(http.MethodDelete, "/v1/withheld/payments", ""))
		require.FileExists(t, path("payments"))
	}
}
