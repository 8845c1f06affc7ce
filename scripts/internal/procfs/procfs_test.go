package procfs_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/procfs"
)

func TestReadNobody(t *testing.T) {
	_, err := procfs.Read(1 << 30)
	require.Error(t, err)
	require.Zero(t, procfs.Memory(1<<30))
}

func TestChildrenCount(t *testing.T) {
	child := exec.Command("/bin/sh", "-c", "sleep 60 & wait")
	require.NoError(t, child.Start())
	defer func() {
		for _, pid := range procfs.Tree()[child.Process.Pid] {
			if sleeper, err := os.FindProcess(pid); err == nil {
				_ = sleeper.Kill()
			}
		}
		_ = child.Wait()
	}()
	stat, err := procfs.Read(child.Process.Pid)
	require.NoError(t, err)
	require.Equal(t, os.Getpid(), stat.Parent)
	require.Positive(t, stat.Start)

	require.Eventually(t, func() bool { return len(procfs.Tree()[child.Process.Pid]) == 1 }, 3*time.Second, 5*time.Millisecond)
	tree := procfs.Tree()
	require.Contains(t, tree[os.Getpid()], child.Process.Pid)
	require.Positive(t, procfs.Memory(child.Process.Pid))
	require.Greater(t, procfs.MemoryWith(child.Process.Pid, tree), procfs.Memory(child.Process.Pid))
}
