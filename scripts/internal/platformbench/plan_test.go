package platformbench_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/platformbench"
	"redoubt.example/services/platform/controls"
)

func TestPlansTakeTheTimeThatTheyAreGiven(t *testing.T) {
	others := platformbench.Profiles[1:]
	n := time.Duration(len(others))
	for _, all := range []time.Duration{time.Second, 2 * time.Minute, time.Hour} {
		quick := platformbench.Quick(all, others)
		require.InDelta(t, all, quick.AA+quick.Calibration+n*(quick.Each+quick.Read+quick.Saturate), float64(all)/100)
		require.Zero(t, quick.Load+quick.Controls+quick.Storm, "what --quick leaves out")

		full := platformbench.Full(all, others, nil)
		require.LessOrEqual(t, full.AA+full.Calibration+n*(full.Each+full.Read+full.Saturate+full.Load)+full.Load+full.Controls+7*full.Storm+full.Chains, all+all/100)
		for _, part := range []time.Duration{full.AA, full.Calibration, full.Each, full.Read, full.Saturate, full.Load, full.Controls, full.Storm, full.Chains} {
			require.Positive(t, part)
		}
	}
	require.Positive(t, platformbench.Quick(time.Minute, nil).AA, "no profile: the proof alone")
}

// TestProfilesAreTheRegisters: the matrix has every profile that a lab can be started with.
func TestProfilesAreTheRegisters(t *testing.T) {
	var names []string
	for _, p := range controls.Profiles() {
		names = append(names, p.Name)
	}
	require.Equal(t, names, platformbench.Profiles)
}

func TestCheckoutOfNoRevision(t *testing.T) {
	repo := t.TempDir()
	for _, args := range [][]string{{"init", "-q"}, {"-c", "user.name=t", "-c", "user.email=t@t.example", "commit", "-q", "--allow-empty", "-m", "first"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = repo
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	for _, revision := range []string{"nowhere", "--output=/tmp/x", "HEAD:file"} {
		_, _, err := platformbench.Checkout(t.Context(), repo, t.TempDir(), revision)
		require.ErrorContains(t, err, "there is no revision", revision)
	}
	folder := t.TempDir()
	_, _, err := platformbench.Checkout(t.Context(), repo, folder, "HEAD")
	require.ErrorContains(t, err, "build the lab of HEAD", "a revision without one")
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left, "its checkout is gone again")
	require.NoDirExists(t, filepath.Join(repo, ".git", "worktrees"))
}
