package e2e_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBenchNamesARegression runs what a pull request's workflow runs where a control has become slower since the base: the run
// fails, and names the control at the hops that have it.
func TestBenchNamesARegression(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: starts the whole platform four times; run without -short")
	}
	if err := exec.Command("git", "-C", "../..", "rev-parse", "HEAD").Run(); err != nil {
		t.Skip("skipped: there is no base to compare with: not a checkout of Git's")
	}
	checkout := filepath.Join(t.TempDir(), "checkout")
	out, err := exec.Command("git", "clone", "--quiet", "--shared", "../..", checkout).CombinedOutput()
	require.NoError(t, err, string(out))
	slower(t, filepath.Join(checkout, "services", "platform", "boundary", "request.go"))

	junit := filepath.Join(t.TempDir(), "bench.xml")
	cmd := exec.Command(binary, "bench", "--quick", "--seconds", "16", "--against", "HEAD", "--junit", junit)
	cmd.Dir = checkout
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.Error(t, cmd.Run(), "%s%s", stdout.String(), stderr.String())
	require.Equal(t, 1, cmd.ProcessState.ExitCode(), stderr.String())
	for _, hop := range []string{"ingestion", "payments", "inference"} {
		require.Contains(t, stdout.String(), "time of app.policy at "+hop, stderr.String())
	}
	for _, slowed := range slowedLine.FindAllStringSubmatch(stdout.String(), -1) {
		more, err := strconv.ParseFloat(slowed[2], 64)
		require.NoError(t, err)
		if slowed[1] != "app.policy" { // what follows a pause finds colder caches, which costs some microseconds
			require.Less(t, more, 1000.0, "%s didn't change: %s", slowed[1], slowed[0])
		} else {
			require.Greater(t, more, 1000.0, slowed[0])
		}
	}
	text, err := os.ReadFile(junit)
	require.NoError(t, err)
	_, verdict, found := strings.Cut(string(text), `name="layered: time of app.policy at ingestion"`)
	require.True(t, found, string(text))
	verdict, _, _ = strings.Cut(verdict, "</testcase>")
	require.Contains(t, verdict, "<failure", "it is a test that fails, for CI")
}

// slowedLine is a regression of one control's time in the table: which, and by how many microseconds.
var slowedLine = regexp.MustCompile(`time of (app\.[a-z-]+) at \S+ +\S+ +\+(\d+(?:\.\d+)?)`)

// slower has every policy decision take two milliseconds more.
func slower(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	const timed = "defer controls.Begin(ctx, controls.AppPolicy).End()\n"
	changed := strings.Replace(string(text), timed, timed+"\ttime.Sleep(2 * time.Millisecond)\n", 1)
	require.NotEqual(t, string(text), changed)
	require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
}
