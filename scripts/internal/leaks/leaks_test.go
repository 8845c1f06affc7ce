package leaks_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/leaks"
)

// The samples are put together here, so that this file isn't a finding itself.
var (
	token = "hv" + "s." + strings.Repeat("A", 24)
	jwt   = "ey" + "J" + strings.Repeat("a", 20) + ".ey" + "J" + strings.Repeat("b", 20) + "." + strings.Repeat("c", 43)
	key   = "-----BEGIN PRIVATE" + " KEY-----\n" + strings.Repeat("M", 64) + "\n"
)

func write(t *testing.T, mode os.FileMode, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), mode))
}

func TestFindsWhatIsPlanted(t *testing.T) {
	dir := t.TempDir()
	write(t, 0o600, filepath.Join(dir, "logs", "payments.log"), `{"msg":"token `+token+`"}`)
	write(t, 0o600, filepath.Join(dir, "logs", "canary.log"), "correct horse battery staple")
	write(t, 0o600, filepath.Join(dir, "clean"), "vault:v1:abc hvs. eyJ whsec_ -----BEGIN PRIVATE KEY----- rdk_")
	s := leaks.Scanner{Canaries: map[string]string{"password": "battery staple", "nothing": ""}}
	require.NoError(t, s.Dir(dir))
	found := s.Result()
	require.Len(t, found.Findings, 2)
	require.Equal(t, 3, found.Files)
	require.Equal(t, "live password", found.Findings[0].What)
	require.Equal(t, "vault token", found.Findings[1].What)
	for _, f := range found.Findings {
		require.NotContains(t, f.Where+f.What, "staple")
		require.NotContains(t, f.Where+f.What, token)
	}
}

func TestRunDirAllowsItsListAlone(t *testing.T) {
	dir := t.TempDir()
	write(t, 0o600, filepath.Join(dir, "payments", "vault.jwt"), jwt)
	write(t, 0o600, filepath.Join(dir, "vault", "tls.key"), key)
	var clean leaks.Scanner
	require.NoError(t, clean.RunDir(dir))
	require.Empty(t, clean.Result().Findings)

	write(t, 0o600, filepath.Join(dir, "payments", "data", "vault.jwt"), jwt) // deeper than the list says
	write(t, 0o600, filepath.Join(dir, "payments", "tls.key"), token)         // another kind than the list says
	write(t, 0o644, filepath.Join(dir, "notification", "vault.jwt"), jwt)     // for everybody to read
	var s leaks.Scanner
	require.NoError(t, s.RunDir(dir))
	require.Len(t, s.Result().Findings, 3, "%v", s.Result().Findings)
}

func TestFindsInAProcess(t *testing.T) {
	for _, cmd := range []*exec.Cmd{exec.Command("sleep", "60"), exec.Command("sh", "-c", "exec sleep 60 # "+token)} {
		cmd.Env = []string{"VAULT_TOKEN=" + token}
		require.NoError(t, cmd.Start())
		require.Eventually(t, func() bool { // sh becomes sleep, and in that moment has no environment
			name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", cmd.Process.Pid))
			environment, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", cmd.Process.Pid))
			return err == nil && string(name) == "sleep\n" && len(environment) > 0
		}, 5*time.Second, time.Millisecond)
		var s leaks.Scanner
		err := s.Process(cmd.Process.Pid, "sleep")
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		require.NoError(t, err)
		require.NotEmpty(t, s.Result().Findings)
	}
}

// What looks like a secret is none here either: samples are put together where they are used.
func TestRepositoryHoldsNone(t *testing.T) {
	if _, err := os.Stat("../../../.git"); err != nil {
		t.Skip("skipped: the source isn't a git repository")
	}
	var s leaks.Scanner
	require.NoError(t, s.Repository("../../.."))
	require.Greater(t, s.Result().Files, 500)
	require.Empty(t, s.Result().Findings)
}
