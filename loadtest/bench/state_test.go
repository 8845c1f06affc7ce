package bench_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"redoubt.example/loadtest/bench"
)

func TestStates(t *testing.T) {
	background := filepath.Join(t.TempDir(), "background")
	build := exec.Command("go", "build", "-o", background, "./background")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as the lab builds
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	for state, policy := range map[bench.State]uint32{bench.KeptAwake: unix.SCHED_IDLE, bench.HalfLoad: unix.SCHED_NORMAL} {
		t.Run(string(state), func(t *testing.T) {
			leave, err := state.Enter(t.Context(), background)
			require.NoError(t, err)
			spinners := children(t)
			require.Len(t, spinners, runtime.NumCPU())
			for _, pid := range spinners {
				require.Contains(t, policies(t, pid), policy)
				before, err := bench.ProcessorTime(pid)
				require.NoError(t, err)
				require.Eventually(t, func() bool {
					now, err := bench.ProcessorTime(pid)
					return err == nil && now > before
				}, 10*time.Second, time.Millisecond, "it works")
			}
			group := idleGroupOf(t, spinners[0])
			leave()
			require.Empty(t, children(t))
			if group != "" {
				left, err := filepath.Glob("/sys/fs/cgroup/*/" + group)
				require.NoError(t, err)
				require.Empty(t, left, "nothing is left of it")
			}
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

// TestOthersComeFirst: whoever is busy on a processor that is kept awake has nearly all of it, in another session, too.
func TestOthersComeFirst(t *testing.T) {
	if group := bench.IdleGroup(); group == "" {
		t.Skip("no control group can be made here: the spinner gives way within its own session alone")
	} else {
		require.NoError(t, os.Remove(group))
	}
	background := filepath.Join(t.TempDir(), "background")
	build := exec.Command("go", "build", "-o", background, "./background")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as the lab builds
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	leave, err := bench.KeptAwake.Enter(t.Context(), background)
	require.NoError(t, err)
	defer leave()
	spinners := children(t)
	require.Len(t, spinners, runtime.NumCPU())
	before, err := bench.ProcessorTime(spinners[0])
	require.NoError(t, err)

	busy := exec.CommandContext(t.Context(), "taskset", "-c", "0", "sh", "-c", "while :; do :; done")
	busy.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	require.NoError(t, busy.Start())
	time.Sleep(2 * time.Second) // the time in which it would have half of the processor
	worked, err := bench.ProcessorTime(busy.Process.Pid)
	require.NoError(t, err)
	require.NoError(t, busy.Process.Kill())
	_ = busy.Wait()
	after, err := bench.ProcessorTime(spinners[0])
	require.NoError(t, err)
	require.Less(t, (after - before).Seconds(), worked.Seconds()/5, "the spinner took %s beside %s", after-before, worked)
}

// idleGroupOf is the name of the control group that a process was put into; "" if it was in none.
func idleGroupOf(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	require.NoError(t, err)
	_, name, found := strings.Cut(string(text), "/redoubt-idle-")
	if !found {
		return ""
	}
	name, _, _ = strings.Cut(name, "\n")
	return "redoubt-idle-" + name
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
