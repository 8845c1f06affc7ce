package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/telemetrytest"
)

func TestMain(m *testing.M) { os.Exit(controlplanetest.Main(m)) }

// build compiles the program that is under test.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "sidecar")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as the lab builds
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	return binary
}

func TestRefusesBadConfiguration(t *testing.T) {
	binary := build(t)
	good := map[string]string{"REDOUBT_WORKLOAD": "payments", "REDOUBT_RUN_DIR": t.TempDir(), "REDOUBT_CA_FILE": "/nowhere/ca.pem",
		"REDOUBT_CONSUL_HTTP": "127.0.0.1:1", "REDOUBT_CONSUL_GRPC": "127.0.0.1:1", "REDOUBT_VAULT_ADDR": "https://127.0.0.1:1"}
	for name, c := range map[string]struct{ key, value, says string }{
		"unknown mode":    {"REDOUBT_MODE", "carrier-pigeon", "carrier-pigeon"},
		"another mode":    {"REDOUBT_MODE", "native", "no part in mesh mode"},
		"unknown service": {"REDOUBT_WORKLOAD", "billing", "topology.yaml has no service"},
		"unknown setting": {"REDOUBT_RUN_DIRR", "/tmp", "REDOUBT_RUN_DIRR"},
		"no CA":           {"REDOUBT_LOG_LEVEL", "info", "read Consul's CA"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(binary)
			for k, v := range good {
				if k != c.key {
					cmd.Env = append(cmd.Env, k+"="+v)
				}
			}
			cmd.Env = append(cmd.Env, c.key+"="+c.value)
			out, err := cmd.CombinedOutput()
			require.Error(t, err)
			require.Contains(t, string(out), c.says)
			require.Equal(t, 1, strings.Count(strings.TrimSpace(string(out)), "\n")+1, "one line: %s", out)
		})
	}
}

// launch starts the program for a service.
func launch(t *testing.T, env *controlplanetest.Env, binary, service string, more ...string) (cmd *exec.Cmd, dir string, log *bytes.Buffer) {
	t.Helper()
	dir, err := os.MkdirTemp("", "m") // short enough for sockets
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Symlink(env.JWTFile(service, "consul"), filepath.Join(dir, "consul.jwt")))
	log = &bytes.Buffer{}
	cmd = exec.Command(binary)
	cmd.Stderr = log
	cmd.Env = []string{"REDOUBT_WORKLOAD=" + service, "REDOUBT_RUN_DIR=" + dir, "REDOUBT_CA_FILE=" + env.CAFile, "REDOUBT_LOG_LEVEL=warn",
		"REDOUBT_CONSUL_HTTP=" + env.ConsulHTTP, "REDOUBT_CONSUL_GRPC=" + env.ConsulGRPC, "REDOUBT_VAULT_ADDR=" + env.VaultAddr}
	cmd.Env = append(cmd.Env, more...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd, dir, log
}

// The program comes up on real Consul, says so, and leaves nothing behind on SIGTERM.
func TestProgram(t *testing.T) {
	env := controlplanetest.Start(t)
	receiver := telemetrytest.New(t, nil)
	cmd, dir, log := launch(t, env, build(t), "ingestion", "REDOUBT_OTLP_ENDPOINT="+receiver.URL)

	admin := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", filepath.Join(dir, "sidecar.sock"))
	}}}
	var health struct{ OK bool }
	require.Eventually(t, func() bool {
		resp, err := admin.Get("http://admin/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return json.NewDecoder(resp.Body).Decode(&health) == nil && health.OK
	}, 10*time.Second, 10*time.Millisecond)
	resp, err := admin.Get("http://admin/metrics")
	require.NoError(t, err)
	metrics, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	require.Contains(t, string(metrics), "go_goroutines")
	for _, upstream := range []string{"inference", "notification", "payments"} {
		info, err := os.Stat(filepath.Join(dir, "up-"+upstream+".sock"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	t.Logf("%d bytes resident", memory(t, cmd, "VmRSS"))

	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), "%s", log.String())
	left, err := filepath.Glob(filepath.Join(dir, "*.sock*"))
	require.NoError(t, err)
	require.Empty(t, left)
	require.NotContains(t, log.String(), "goodbye", "Consul was told")
	require.NotEmpty(t, receiver.Metrics("ingestion.sidecar"), "the last round goes out at the end")
}

// memory reads a figure of the process's status.
func memory(t *testing.T, cmd *exec.Cmd, which string) int {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/status")
	require.NoError(t, err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, which+":"); ok {
			kB, err := strconv.Atoi(strings.Fields(rest)[0])
			require.NoError(t, err)
			return kB << 10
		}
	}
	t.Fatalf("no %s in the process's status", which)
	return 0
}
