package e2e_test

import (
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestBadInput: one clear sentence and the right exit code, and nothing left behind.
func TestBadInput(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"unknown verb":       {[]string{"fly"}, 2, "fly"},
		"unknown flag":       {[]string{"up", "--fast"}, 2, "--fast"},
		"unknown mode":       {[]string{"up", "--detach", "--mode", "telepathy"}, 2, "telepathy"},
		"plaintext":          {[]string{"up", "--detach", "--mode", "plaintext"}, 2, "REDOUBT_UNSAFE_LAB=1"},
		"other mode":         {[]string{"up", "--detach", "--profile", "library", "--mode", "sidecar"}, 2, "doesn't go with mode sidecar"},
		"weak profile":       {[]string{"up", "--detach", "--profile", "gateway-only"}, 2, "REDOUBT_UNSAFE_LAB=1"},
		"no such profile":    {[]string{"up", "--detach", "--profile", "fort"}, 2, "no profile"},
		"replicas of nobody": {[]string{"up", "--detach", "--replicas", "billing=2"}, 2, "billing"},
		"no replicas":        {[]string{"up", "--detach", "--replicas", "ingestion=0"}, 2, "1 to 16"},
		"two gateways":       {[]string{"up", "--detach", "--replicas", "gateway=2"}, 2, "gateway"},
		"envoy missing":      {[]string{"up", "--detach", "--mode", "envoy"}, 1, "envoy"},
		"rotate nothing":     {[]string{"rotate"}, 2, "rotate"},
		"rotate the moon":    {[]string{"rotate", "moon"}, 2, "moon"},
		"explain nothing":    {[]string{"policy", "explain"}, 2, "--caller"},
		"explain nobody":     {[]string{"policy", "explain", "--caller", "mallory", "--route", "GET payments/v1/account"}, 2, "mallory"},
		"explain no route":   {[]string{"policy", "explain", "--caller", "gateway", "--route", "account"}, 2, "account"},
		"push nothing":       {[]string{"policy", "push", "/proc/self/task"}, 2, "no rules"},
		"policy of chance":   {[]string{"policy", "dice"}, 2, "dice"},
		"topology of chance": {[]string{"topology", "dice"}, 2, "dice"},
		"bench in no time":   {[]string{"bench", "authz", "--duration", "1ms"}, 2, "1s"},
		"port taken":         {[]string{"up", "--detach", "--port", port}, 1, port},
		"port out of range":  {[]string{"up", "--detach", "--port", "70000"}, 2, "70000"},
		"status without lab": {[]string{"status"}, 1, "lab up"},
		"down without lab":   {[]string{"down"}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "lab")
			got := run(t, append(tc.args, "--dir", dir)...)
			require.Equal(t, tc.code, got.code, got.stdout+got.stderr)
			require.Contains(t, got.stderr, tc.says)
			require.LessOrEqual(t, strings.Count(strings.TrimSpace(got.stderr), "\n"), 1, got.stderr)
			require.Empty(t, processesUnder(t, dir))
		})
	}
}

// TestInterruptedStart: Ctrl-C while the lab is starting leaves no process behind.
func TestInterruptedStart(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: starts the whole platform; run without -short")
	}
	dir := filepath.Join(t.TempDir(), "lab")
	cmd := exec.Command(binary, "up", "--dir", dir)
	cmd.Dir = "../.."
	require.NoError(t, cmd.Start())
	l := &lab{dir: dir}
	var runDir string
	require.Eventually(t, func() bool {
		files, _ := filepath.Glob(filepath.Join(dir, "logs", "vault.log"))
		if len(files) == 0 {
			return false
		}
		runDir = l.runDir(t)
		return true
	}, 60*time.Second, 50*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
		require.NotZero(t, cmd.ProcessState.ExitCode(), "an interrupted start is no success")
	case <-time.After(30 * time.Second):
		_ = cmd.Process.Kill()
		require.Fail(t, "still running 30 s after Ctrl-C")
	}
	require.NoDirExists(t, runDir)
	require.Empty(t, processesUnder(t, runDir, dir))
}
