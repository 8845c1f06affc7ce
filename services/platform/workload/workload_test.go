package workload_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/boundarytest"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/lifecycle"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/workload"
)

func TestMain(m *testing.M) { os.Exit(controlplanetest.Main(m)) }

// settings are those of a workload or job whose run folder is dir, with its identity document in place.
func settings(t *testing.T, env *controlplanetest.Env, name, dir string) config.Workload {
	t.Helper()
	require.NoError(t, os.Symlink(env.JWTFile(name, "vault"), filepath.Join(dir, workload.VaultJWT)))
	return config.Workload{Name: name, RunDir: dir, Mode: "sidecar", CAFile: env.CAFile, ConsulHTTP: env.ConsulHTTP,
		ConsulGRPC: env.ConsulGRPC, VaultAddr: env.VaultAddr, Database: env.PostgresAddr, LogLevel: "warn"}
}

func TestOpenRefuses(t *testing.T) {
	env := controlplanetest.Start(t)
	dir := t.TempDir()
	payments := settings(t, env, "payments", dir)

	job := payments
	job.Name = "payments-migrate"
	_, err := workload.Open(t.Context(), job)
	require.ErrorContains(t, err, "not a service")
	require.Equal(t, lifecycle.ExitConfig, lifecycle.ExitCode(err))

	another := payments // payments' document doesn't make anybody ingestion
	another.Name = "ingestion"
	_, err = workload.Open(t.Context(), another)
	require.ErrorContains(t, err, "open workload ingestion")
	document, readErr := os.ReadFile(filepath.Join(dir, workload.VaultJWT))
	require.NoError(t, readErr)
	require.NotContains(t, err.Error(), string(document))

	_, _, err = workload.OpenJob(t.Context(), payments)
	require.ErrorContains(t, err, "not a job")
}

// sidecars play the other end of the workload's sockets, by their real protocols.
func sidecars(t *testing.T, h *boundarytest.Harness) (ready func()) {
	t.Helper()
	keys, err := net.Listen("unix", filepath.Join(h.RunDir, "up-gateway.sock"))
	require.NoError(t, err)
	gateway := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		set, _ := h.PublicKeys()
		_, _ = w.Write(set)
	})}
	go func() { _ = gateway.Serve(keys) }()
	t.Cleanup(func() { _ = gateway.Close() })
	return func() {
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() {
			ended <- httpserver.Admin(ctx, filepath.Join(h.RunDir, "sidecar.sock"), telemetry.NewMetrics("payments"), func() error { return nil })
		}()
		t.Cleanup(func() { stop(); require.NoError(t, <-ended) })
	}
}

// routes serve everything that payments offers by who the database says that we are.
func routes(w *workload.Workload, pool *pgxpool.Pool) []httpserver.Route {
	var all []httpserver.Route
	for _, r := range w.Topology.Services["payments"].Routes {
		all = append(all, httpserver.Route{Route: r.Route, Handle: func(c echo.Context) error {
			var user string
			if err := pool.QueryRow(c.Request().Context(), "SELECT current_user").Scan(&user); err != nil {
				return err
			}
			return c.String(http.StatusOK, user)
		}})
	}
	return all
}

func readyz(t *testing.T, dir string) httpserver.Health {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", filepath.Join(dir, workload.AdminSocket))
	}}}
	resp, err := client.Get("http://admin/readyz")
	if err != nil {
		return httpserver.Health{Reasons: []string{err.Error()}}
	}
	defer resp.Body.Close()
	var h httpserver.Health
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&h))
	return h
}

func TestServe(t *testing.T) {
	env := controlplanetest.Start(t)
	h := boundarytest.New(t, "payments", nil)
	sidecarReady := sidecars(t, h)

	began := time.Now()
	w, err := workload.Open(t.Context(), settings(t, env, "payments", h.RunDir))
	require.NoError(t, err)
	pool, err := w.Database(t.Context())
	require.NoError(t, err)
	t.Logf("open: %v", time.Since(began).Round(time.Millisecond))

	swept := make(chan struct{})
	w.Go("sweeper", func(ctx context.Context) error { <-ctx.Done(); close(swept); return ctx.Err() })
	rounds := make(chan string, 2)
	w.Every(20*time.Millisecond, "count", func(ctx context.Context) (int, error) {
		select {
		case rounds <- telemetry.RequestID(ctx):
		default:
		}
		return 0, errors.New("a failed round ends nothing")
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Serve(ctx, routes(w, pool)...) }()

	require.Eventually(t, func() bool {
		health := readyz(t, h.RunDir)
		require.False(t, health.OK, "not without its sidecar")
		return len(health.Reasons) == 1 && health.Reasons[0][:5] == "mesh:"
	}, 5*time.Second, 5*time.Millisecond)
	sidecarReady()
	require.Eventually(t, func() bool { return readyz(t, h.RunDir).OK }, 5*time.Second, 5*time.Millisecond)

	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://payments/v1/account", nil)
	require.NoError(t, err)
	req.Header.Set(authn.Header, h.Token("alice", "account:read"))
	resp, err := h.HTTP("gateway").Do(req)
	require.NoError(t, err)
	user := make([]byte, 200)
	n, _ := resp.Body.Read(user)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode, string(user[:n]))

	first, second := <-rounds, <-rounds
	require.NotEmpty(t, first)
	require.NotEqual(t, first, second, "each has an ID of its own")
	stop()
	require.NoError(t, <-ended)
	<-swept
	require.NoFileExists(t, filepath.Join(h.RunDir, "app.sock"))
	require.NoFileExists(t, filepath.Join(h.RunDir, workload.AdminSocket))
	require.Error(t, pool.Ping(t.Context()), "the pool is closed")
	w.Close() // may be called twice
}
