package httpserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/telemetry"
)

func TestAdmin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"}) // a killed predecessor's
	require.NoError(t, err)
	left.SetUnlinkOnClose(false)
	require.NoError(t, left.Close())

	reason := errors.Join(errors.New("vault: sealed"), errors.New("mesh: no leaf"))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- httpserver.Admin(ctx, path, telemetry.NewMetrics("payments"), func() error { return reason })
	}()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}}}
	get := func(p string) (int, []byte) {
		var resp *http.Response
		require.Eventually(t, func() bool { resp, err = client.Get("http://admin" + p); return err == nil }, time.Second, time.Millisecond)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, body
	}

	status, body := get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	var health httpserver.Health
	require.NoError(t, json.Unmarshal(body, &health))
	require.Equal(t, httpserver.Health{Reasons: []string{"vault: sealed", "mesh: no leaf"}}, health)
	status, _ = get("/livez")
	require.Equal(t, http.StatusOK, status)
	_, body = get("/metrics")
	require.Contains(t, string(body), "process_resident_memory_bytes")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	stop()
	require.NoError(t, <-ended)
	require.NoFileExists(t, path)
}
