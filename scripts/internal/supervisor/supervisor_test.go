package supervisor_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/process"
	"redoubt.example/scripts/internal/supervisor"
)

const patience = 10 * time.Second

// shell is a small real process that notes in a file when it starts and when it is told to stop.
func shell(t *testing.T, name, notes string, depends ...string) process.Spec {
	t.Helper()
	return process.Spec{
		Name:        name,
		Path:        "/bin/sh",
		Args:        []string{"-c", `trap 'echo "-$NAME" >> "$NOTES"; exit 0' TERM; echo "+$NAME" >> "$NOTES"; while :; do sleep 0.02; done`},
		Env:         []string{"NAME=" + name, "NOTES=" + notes, "PATH=/usr/bin:/bin"},
		Depends:     depends,
		StopTimeout: 3 * time.Second,
		Ready: func(context.Context) error {
			if text, _ := os.ReadFile(notes); strings.Contains(string(text), "+"+name+"\n") {
				return nil
			}
			return errors.New("not started")
		},
	}
}

func notes(t *testing.T) (path string, read func() []string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notes")
	return path, func() []string {
		text, _ := os.ReadFile(path)
		return strings.Fields(string(text))
	}
}

type nowhere struct{ io.Writer }

func (nowhere) Close() error { return nil }

func config() supervisor.Config {
	return supervisor.Config{
		Log:    slog.New(slog.DiscardHandler),
		Output: func(string) (io.WriteCloser, error) { return nowhere{io.Discard}, nil },
	}
}

// start runs a supervisor until stop is called, or the test ends.
func start(t *testing.T, cfg supervisor.Config, specs ...process.Spec) (s *supervisor.Supervisor, stop func() error) {
	t.Helper()
	s, err := supervisor.New(cfg, specs...)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, context.Background()) }()
	stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return errors.New("the supervisor doesn't end")
		}
	})
	t.Cleanup(func() { _ = stop() })
	return s, stop
}

func ready(t *testing.T, s *supervisor.Supervisor) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return s.WaitReady(ctx, nil)
}

func find(t *testing.T, s *supervisor.Supervisor, name string) supervisor.Component {
	t.Helper()
	all := s.Inspect(t.Context())
	i := slices.IndexFunc(all, func(c supervisor.Component) bool { return c.Name == name })
	require.GreaterOrEqual(t, i, 0)
	return all[i]
}

func TestNewRefuses(t *testing.T) {
	spec := func(name string, depends ...string) process.Spec {
		return process.Spec{Name: name, Path: "/bin/true", Depends: depends}
	}
	for name, c := range map[string]struct {
		specs []process.Spec
		want  string
	}{
		"a name twice":         {[]process.Spec{spec("a"), spec("a")}, "two components are named a"},
		"a missing dependency": {[]process.Spec{spec("a", "b")}, "b, which doesn't exist"},
		"a circle":             {[]process.Spec{spec("a", "b"), spec("b", "c"), spec("c", "a")}, "depends on itself"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := supervisor.New(config(), c.specs...)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestWhatNeverStartsIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		spec process.Spec
		want string
	}{
		"bad configuration": {process.Spec{Path: "/bin/sh", Args: []string{"-c", "exit 2"}, Once: true}, "exit status 2"},
		"it keeps dying":    {process.Spec{Path: "/bin/false", Ready: func(context.Context) error { return errors.New("no") }}, "exit status 1"},
		"a failing step":    {process.Spec{Once: true, Run: func(context.Context) error { return errors.New("no quorum") }}, "no quorum"},
		"no such program":   {process.Spec{Path: "/nonexistent"}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			c.spec.Name = "broken"
			path, read := notes(t)
			s, stop := start(t, config(), c.spec, shell(t, "after", path, "broken"))
			var failed *supervisor.StartError
			require.ErrorAs(t, ready(t, s), &failed)
			require.Equal(t, "broken", failed.Component)
			require.Contains(t, failed.Reason, c.want)
			require.NoError(t, stop())
			require.Empty(t, read(), "what depends on it never starts")
		})
	}
}

func TestOrderOfStartAndStop(t *testing.T) {
	path, read := notes(t)
	job := process.Spec{Name: "schema", Path: "/bin/sh", Args: []string{"-c", `echo "*schema" >> "` + path + `"`}, Once: true, Depends: []string{"database"}}
	s, stop := start(t, config(), shell(t, "web", path, "schema"), shell(t, "database", path), job)
	require.NoError(t, ready(t, s))
	require.Equal(t, supervisor.Done, find(t, s, "schema").State)
	require.NoError(t, stop())
	require.Equal(t, []string{"+database", "*schema", "+web", "-web", "-database"}, read())
}

func TestCrashIsFollowedByRestart(t *testing.T) {
	path, _ := notes(t)
	s, _ := start(t, config(), shell(t, "a", path))
	require.NoError(t, ready(t, s))
	before := find(t, s, "a")
	require.Positive(t, before.Memory)
	require.NoError(t, syscall.Kill(before.PID, syscall.SIGKILL))
	require.Eventually(t, func() bool {
		now := find(t, s, "a")
		return now.State == supervisor.Ready && now.PID != before.PID && now.Restarts == 1
	}, patience, 5*time.Millisecond)
}

func TestHoldKeepsDownUntilRelease(t *testing.T) {
	path, read := notes(t)
	var mu sync.Mutex
	var calls []string
	cfg := config()
	cfg.Hooks.Wanted = func(_ context.Context, name string) error {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, "wanted "+name)
		return nil
	}
	cfg.Hooks.Unwanted = func(name string) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, "unwanted "+name)
	}
	s, stop := start(t, cfg, shell(t, "a", path))
	require.NoError(t, ready(t, s))
	require.ErrorIs(t, s.Hold(t.Context(), "nobody"), supervisor.ErrUnknown)

	require.NoError(t, s.Hold(t.Context(), "a"))
	held := find(t, s, "a")
	require.Equal(t, supervisor.Stopped, held.State)
	require.Zero(t, held.PID)
	require.Equal(t, []string{"+a", "-a"}, read())

	require.NoError(t, s.Release(t.Context(), "a"))
	require.Equal(t, supervisor.Ready, find(t, s, "a").State)
	require.NoError(t, stop())
	require.Equal(t, []string{"wanted a", "unwanted a", "wanted a", "unwanted a"}, calls)
}

func TestDegradedWhenItNoLongerAnswers(t *testing.T) {
	path, _ := notes(t)
	s, _ := start(t, config(), shell(t, "a", path))
	require.NoError(t, ready(t, s))
	require.NoError(t, os.Remove(path))
	now := find(t, s, "a")
	require.Equal(t, supervisor.Degraded, now.State)
	require.Equal(t, "not started", now.Error)
}

func TestStopWhileStartingLeavesNothing(t *testing.T) {
	never := process.Spec{Name: "slow", Path: "/bin/sh", Args: []string{"-c", "trap '' TERM; while :; do sleep 0.02; done"},
		StopTimeout: 200 * time.Millisecond, Ready: func(context.Context) error { return errors.New("not yet") }}
	path, _ := notes(t)
	s, stop := start(t, config(), never, shell(t, "after", path, "slow"))
	require.Eventually(t, func() bool { return find(t, s, "slow").PID != 0 }, patience, time.Millisecond)
	pid := find(t, s, "slow").PID
	require.NoError(t, stop())
	require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
}

func TestForceKillsWithoutPatience(t *testing.T) {
	deaf := process.Spec{Name: "deaf", Path: "/bin/sh", Args: []string{"-c", "trap '' TERM; while :; do sleep 0.02; done"}, StopTimeout: time.Hour}
	s, err := supervisor.New(config(), deaf)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	force, now := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, force) }()
	require.NoError(t, ready(t, s))
	cancel()
	now()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(patience):
		t.Fatal("still there")
	}
}
