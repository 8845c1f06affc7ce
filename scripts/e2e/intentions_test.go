package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	consul "github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
)

// testIntentions has the lab's Consul binary write each rendered entry to a Consul of its own, and reads what became of it.
func testIntentions(t *testing.T, l *lab) {
	binary, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", l.component(t, "consul").PID))
	require.NoError(t, err)
	address := devConsul(t, binary)
	top, err := topology.Load()
	require.NoError(t, err)
	entries, err := filepath.Glob(filepath.Join(rendered, "consul-intentions", "*.hcl"))
	require.NoError(t, err)
	require.Len(t, entries, len(top.Services)+1)
	for _, entry := range entries {
		out, err := exec.Command(binary, "config", "write", "-http-addr="+address, entry).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	client, err := consul.NewClient(&consul.Config{Address: address})
	require.NoError(t, err)
	for _, from := range top.Names() {
		for _, to := range top.Names() {
			allowed, _, err := client.Connect().IntentionCheck(&consul.IntentionCheck{Source: from, Destination: to}, nil)
			require.NoError(t, err)
			require.Equal(t, slices.Contains(top.Callers(to), from), allowed, "%s to %s", from, to)
		}
	}
	raw, err := exec.Command(binary, "config", "read", "-http-addr="+address, "-kind", "service-intentions", "-name", "payments").Output()
	require.NoError(t, err)
	var entry struct {
		Sources []struct{ Name, Action string }
	}
	require.NoError(t, json.Unmarshal(raw, &entry))
	require.Len(t, entry.Sources, len(top.Callers("payments")))
}

// devConsul starts a Consul that keeps nothing, with ports of its own. It allows by default.
func devConsul(t *testing.T, binary string) (address string) {
	t.Helper()
	ports := make([]any, 3)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
		require.NoError(t, l.Close())
	}
	address = fmt.Sprintf("127.0.0.1:%d", ports[0])
	var log bytes.Buffer
	cmd := exec.Command(binary, "agent", "-dev", "-bind=127.0.0.1", "-client=127.0.0.1", "-log-level=error", "-disable-host-node-id", "-hcl",
		fmt.Sprintf(`ports { http = %d server = %d serf_lan = %d serf_wan = -1 dns = -1 grpc = -1 grpc_tls = -1 }`, ports...))
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	client, err := consul.NewClient(&consul.Config{Address: address})
	require.NoError(t, err)
	ready := func() bool {
		leader, err := client.Status().Leader()
		if err != nil || leader == "" {
			return false
		}
		_, _, err = client.Connect().CARoots(nil)
		return err == nil
	}
	if !ready() {
		require.Eventually(t, ready, 60*time.Second, 100*time.Millisecond, "a Consul of its own: %s", &log)
	}
	return address
}
