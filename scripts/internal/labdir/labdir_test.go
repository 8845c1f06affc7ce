package labdir_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/labdir"
)

func fresh(t *testing.T) labdir.Dir {
	t.Helper()
	dir, err := labdir.At(filepath.Join(t.TempDir(), "lab"))
	require.NoError(t, err)
	return dir
}

func TestFolderOfSomethingElseIsRefused(t *testing.T) {
	path := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(path, "thesis.tex"), []byte("mine"), 0o600))
	dir, err := labdir.At(path)
	require.NoError(t, err)
	_, err = dir.Claim()
	require.Equal(t, exit.Usage, exit.Code(err))
	require.FileExists(t, filepath.Join(path, "thesis.tex"))
}

func TestSecondClaimIsRefused(t *testing.T) {
	dir := fresh(t)
	first, err := dir.Claim()
	require.NoError(t, err)
	_, err = dir.Claim()
	require.ErrorContains(t, err, "already up")
	require.Equal(t, exit.Failure, exit.Code(err))
	require.DirExists(t, first.RunDir, "the first one's folder is untouched")
	require.NoError(t, first.Release())
}

func TestRunDirFromElsewhereIsNeverRemoved(t *testing.T) {
	dir, victim := fresh(t), t.TempDir()
	claim, err := dir.Claim()
	require.NoError(t, err)
	require.NoError(t, claim.Release())
	for _, path := range []string{victim, "/tmp/redoubt-x/../" + filepath.Base(victim), "/tmp/redoubt-/.."} {
		forged := `{"pid": 1, "run_dir": "` + path + `"}`
		require.NoError(t, os.WriteFile(filepath.Join(dir.Path(), "lab.json"), []byte(forged), 0o600))
		_, err = dir.Claim()
		require.ErrorContains(t, err, "not removed")
		require.DirExists(t, victim)
	}
}

func TestWhatAKilledSupervisorLeftIsCleaned(t *testing.T) {
	dir := fresh(t)
	claim, err := dir.Claim()
	require.NoError(t, err)
	require.NoError(t, claim.Release())

	left, err := os.MkdirTemp("/tmp", "redoubt-")
	require.NoError(t, err)
	record := `{"pid": 1, "start_time": 1, "run_dir": "` + left + `"}`
	require.NoError(t, os.WriteFile(filepath.Join(dir.Path(), "lab.json"), []byte(record), 0o600))

	_, err = dir.Running()
	require.ErrorIs(t, err, labdir.ErrNotRunning, "a record without its supervisor doesn't count")
	claim, err = dir.Claim()
	require.NoError(t, err)
	require.NoDirExists(t, left)
	require.NoError(t, claim.Release())
}

func TestClaimAndRelease(t *testing.T) {
	dir := fresh(t)
	_, err := dir.Running()
	require.ErrorIs(t, err, labdir.ErrNotRunning)

	claim, err := dir.Claim()
	require.NoError(t, err)
	record, err := dir.Running()
	require.NoError(t, err)
	require.Equal(t, os.Getpid(), record.PID)
	require.Equal(t, claim.RunDir, record.RunDir)
	require.Less(t, len(record.RunDir), 40)
	info, err := os.Stat(record.RunDir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o711), info.Mode().Perm())

	require.NoError(t, claim.Release())
	require.NoDirExists(t, record.RunDir)
	_, err = dir.Running()
	require.ErrorIs(t, err, labdir.ErrNotRunning)
}
