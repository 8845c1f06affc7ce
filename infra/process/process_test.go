package process_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/process"
)

// shell is a small real process.
func shell(name, script string) process.Spec {
	return process.Spec{Name: name, Path: "/bin/sh", Args: []string{"-c", script}, StopTimeout: 3 * time.Second}
}

// output is a log that a test reads while the process writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func (o *output) holds(text string) func(context.Context) error {
	return func(context.Context) error {
		if strings.Contains(o.String(), text) {
			return nil
		}
		return errors.New("not printed yet")
	}
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func TestStartRefuses(t *testing.T) {
	nothing := func(context.Context) error { return nil }
	for name, spec := range map[string]process.Spec{
		"neither path nor step": {Name: "x"},
		"path and step":         {Name: "x", Path: "/bin/true", Run: nothing},
		"no such binary":        {Name: "x", Path: "/nonexistent"},
		"failed preparation":    {Name: "x", Path: "/bin/true", Prepare: func(context.Context) error { return errors.New("disk full") }},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := process.Start(t.Context(), spec, &output{})
			require.Error(t, err)
			require.Contains(t, err.Error(), "x")
		})
	}
}

func TestWaitTellsHowItEnded(t *testing.T) {
	p, err := process.Start(t.Context(), shell("x", "exit 7"), &output{})
	require.NoError(t, err)
	var exit *exec.ExitError
	require.ErrorAs(t, p.Wait(), &exit)
	require.Equal(t, 7, exit.ExitCode())
}

func TestEnvironmentIsNotInherited(t *testing.T) {
	t.Setenv("REDOUBT_LEAK", "must not arrive")
	var out output
	spec := process.Spec{Name: "env", Path: "/usr/bin/env", Env: []string{"ONLY=this"}}
	p, err := process.Start(t.Context(), spec, &out)
	require.NoError(t, err)
	require.NoError(t, p.Wait())
	require.Equal(t, "ONLY=this\n", out.String())
}

func TestStopSignalsThenKillsTheGroup(t *testing.T) {
	for name, script := range map[string]string{
		"polite":                 "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done",
		"deaf":                   "trap '' TERM; echo up; while :; do sleep 0.05; done",
		"leaves a child behind":  "trap 'exit 0' TERM; sleep 300 & echo child=$!; echo up; while :; do sleep 0.05; done",
		"child holds the output": "trap 'exit 0' TERM; setsid sleep 2 & echo up; wait",
	} {
		t.Run(name, func(t *testing.T) {
			var out output
			spec := shell("x", script)
			spec.StopTimeout = 300 * time.Millisecond
			spec.Ready = out.holds("up\n")
			p, err := process.Start(t.Context(), spec, &out)
			require.NoError(t, err)
			require.NoError(t, process.WaitReady(t.Context(), spec, p))
			require.NoError(t, p.Stop(t.Context()))
			require.False(t, alive(p.PID()))
			if _, rest, ok := strings.Cut(out.String(), "child="); ok {
				child, err := strconv.Atoi(strings.Fields(rest)[0])
				require.NoError(t, err)
				require.Eventually(t, func() bool { return !running(child) }, 2*time.Second, 10*time.Millisecond)
			}
			require.NoError(t, p.Stop(t.Context()), "stopping twice is harmless")
		})
	}
}

// running is false for a zombie too: in a container nobody may reap an orphan.
func running(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestStepOfOurOwnProcess(t *testing.T) {
	spec := process.Spec{Name: "step", Run: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
	p, err := process.Start(t.Context(), spec, &output{})
	require.NoError(t, err)
	require.Zero(t, p.PID())
	require.NoError(t, p.Stop(t.Context()))
	require.ErrorIs(t, p.Wait(), context.Canceled)
}

func TestWaitReadyFails(t *testing.T) {
	refuse := func(context.Context) error { return errors.New("connection refused") }
	for name, c := range map[string]struct {
		spec process.Spec
		want string
	}{
		"it exits first":     {process.Spec{Name: "a", Path: "/bin/false", Ready: refuse}, "exit status 1"},
		"it ends quietly":    {process.Spec{Name: "a", Path: "/bin/true", Ready: refuse}, "ended before it was ready"},
		"the job fails":      {process.Spec{Name: "a", Path: "/bin/false", Once: true}, "exit status 1"},
		"it never gets good": {process.Spec{Name: "a", Path: "/bin/sleep", Args: []string{"60"}, Ready: refuse}, "connection refused"},
		"what comes after": {process.Spec{Name: "a", Path: "/bin/true", Once: true,
			AfterReady: func(context.Context) error { return errors.New("no route") }}, "no route"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			p, err := process.Start(ctx, c.spec, &output{})
			require.NoError(t, err)
			require.ErrorContains(t, process.WaitReady(ctx, c.spec, p), c.want)
			require.NoError(t, p.Stop(t.Context()))
		})
	}
}

func TestJobIsReadyWhenDone(t *testing.T) {
	after := false
	spec := shell("job", "exit 0")
	spec.Once, spec.AfterReady = true, func(context.Context) error { after = true; return nil }
	p, err := process.Start(t.Context(), spec, &output{})
	require.NoError(t, err)
	require.NoError(t, process.WaitReady(t.Context(), spec, p))
	require.True(t, after)
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out output
	ended := make(chan error, 1)
	go func() {
		ended <- process.Run(ctx, shell("x", "echo pid=$$; while :; do sleep 0.05; done"), &out)
	}()
	require.Eventually(t, func() bool { return strings.HasSuffix(out.String(), "\n") }, 5*time.Second, time.Millisecond)
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(out.String(), "pid=")))
	require.NoError(t, err)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.False(t, alive(pid))
	require.ErrorContains(t, process.Run(t.Context(), shell("x", "exit 3"), &out), "x failed: exit status 3")
	require.NoError(t, process.Run(t.Context(), shell("x", "exit 0"), &out))
}
