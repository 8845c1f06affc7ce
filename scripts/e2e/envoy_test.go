package e2e_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/procfs"
)

// standInForEnvoy has one on PATH. Nothing that is tested with it speaks of a real one.
func standInForEnvoy(t *testing.T) environment {
	t.Helper()
	dir, err := os.MkdirTemp("", "envoy") // unlike t.TempDir, below a folder that the workloads' users can enter
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "envoy"), "./platform/mesh/internal/xds/testdata/envoy")
	build.Dir, build.Env = "../../services", append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	return environment{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH")}
}

// TestModeEnvoy runs the platform with a stand-in for Envoy, which gets its configuration from Consul as Envoy does, and keeps
// to it; testdata/envoy beside package xds says what it checks.
func TestModeEnvoy(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: starts the whole platform; run without -short")
	}
	l := standInForEnvoy(t).up(t, "--mode", "envoy")
	require.Equal(t, "envoy", l.status.Mode)
	load := l.load(t, 10)
	load.more(t, 40)
	for name, leaf := range l.leaves(t) {
		require.NotEmpty(t, leaf.Serial, name)
	}
	for _, socket := range []string{"envoy.sock", "ads.sock", "up-payments.sock", "envoy.json"} {
		info, err := os.Stat(filepath.Join(l.runDir(t), "ingestion", socket))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), socket)
	}
	t.Run("a forged caller gets no further than the edge", func(t *testing.T) {
		forged := "By=spiffe://a.consul/ns/default/dc/dc1/svc/payments;URI=spiffe://a.consul/ns/default/dc/dc1/svc/ingestion"
		got := l.must(t, "GET", "/v1/account", l.token(t, "alice"), nil, "X-Forwarded-Client-Cert", forged)
		require.Equal(t, http.StatusOK, got.status, string(got.body)) // with it, the app would see two elements, and refuse
	})
	t.Run("what Envoy enforces can't be switched off", func(t *testing.T) {
		got := l.with(weakens).run(t, "control", "off", "mesh.intention")
		require.Equal(t, 2, got.code, got.stdout+got.stderr)
		require.Contains(t, got.stderr, "Envoy")
	})
	t.Run("an Envoy that ends is started again", func(t *testing.T) {
		load.finish(t)
		l.refresh(t)
		before := l.component(t, "payments.sidecar")
		children := procfs.Tree()[before.PID]
		require.Len(t, children, 1, "Envoy alone")
		require.NoError(t, syscall.Kill(children[0], syscall.SIGKILL))
		require.Eventually(t, func() bool {
			l.refresh(t)
			now := l.component(t, "payments.sidecar")
			return l.status.Ready && now.State == before.State && now.PID != before.PID
		}, 60*time.Second, 200*time.Millisecond)
		require.Eventually(t, func() bool {
			got, err := l.call(t, "GET", "/v1/account", l.token(t, "alice"), nil)
			return err == nil && got.status == http.StatusOK
		}, 60*time.Second, 200*time.Millisecond)
	})
}
