package bench_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"redoubt.example/loadtest/bench"
)

func TestStates(t *testing.T) {
	background := filepath.Join(t.TempDir(), "background")
	out, err := exec.Command("go", "build", "-o", background, "./background").CombinedOutput()
	require.NoError(t, err, string(out))
	for state, policy := range map[bench.State]uint32{bench.KeptAwake: unix.SCHED_IDLE, bench.HalfLoad: unix.SCHED_NORMAL} {
		t.Run(string(state), func(t *testing.T) {
			leave, err := state.Enter(t.Context(), background)
			require.NoError(t, err)
			spinners := children(t)
			require.Len(t, spinners, runtime.NumCPU())
			for _, pid := range spinners {
				require.Contains(t, policies(t, pid), policy)
				if group, err := os.ReadFile(fmt.Sprintf("/proc/%d/autogroup", pid)); err == nil && state == bench.KeptAwake {
					require.Contains(t, string(group), "nice 19", "it gives way to other sessions, too")
				}
				before, err := bench.ProcessorTime(pid)
				require.NoError(t, err)
				require.Eventually(t, func() bool {
					now, err := bench.ProcessorTime(pid)
					return err == nil && now > before
				}, 10*time.Second, time.Millisecond, "it works")
			}
			leave()
			require.Empty(t, children(t))
		})
	}
	_, err = bench.State("asleep").Enter(t.Context(), background)
	require.Error(t, err)
	_, err = bench.KeptAwake.Enter(t.Context(), "/nowhere/background")
	require.Error(t, err)
	leave, err := bench.AsFound.Enter(t.Context(), "/nowhere/background")
	require.NoError(t, err)
	leave()
}

// children are our own.
func children(t *testing.T) (pids []int) {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	require.NoError(t, err)
	if len(tasks) == 0 {
		t.Skip("this kernel doesn't list children")
	}
	for _, task := range tasks {
		text, _ := os.ReadFile(task) // a thread may have ended
		for field := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(field)
			require.NoError(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

// policies are how a process's threads are scheduled.
func policies(t *testing.T, pid int) (found []uint32) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	require.NoError(t, err)
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		require.NoError(t, err)
		attr, err := unix.SchedGetAttr(tid, 0)
		require.NoError(t, err)
		found = append(found, attr.Policy)
	}
	return found
}
