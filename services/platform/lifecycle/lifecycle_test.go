package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/lifecycle"
)

// TestMain lets the test binary play the program whose end is tested.
func TestMain(m *testing.M) {
	switch os.Getenv("LIFECYCLE_PROGRAM") {
	case "fails":
		lifecycle.Main(func(context.Context) error { return errors.New("broken") })
	case "waits":
		lifecycle.Main(func(ctx context.Context) error {
			fmt.Println("running")
			<-ctx.Done()
			return ctx.Err()
		})
	case "ignores":
		lifecycle.Main(func(ctx context.Context) error {
			fmt.Println("running")
			<-ctx.Done()
			fmt.Println("draining")
			select {}
		})
	}
	goleak.VerifyTestMain(m)
}

func program(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "LIFECYCLE_PROGRAM="+name)
	return cmd
}

func TestExitCode(t *testing.T) {
	require.Equal(t, 1, lifecycle.ExitCode(errors.New("x")))
	require.Equal(t, 2, lifecycle.ExitCode(fmt.Errorf("open: %w", &config.Error{Reason: "no name"})))
	require.Equal(t, 1, lifecycle.ExitCode(context.DeadlineExceeded))
	require.Equal(t, 0, lifecycle.ExitCode(fmt.Errorf("serve: %w", context.Canceled)))
	require.Equal(t, 0, lifecycle.ExitCode(nil))
}

func TestMainEnds(t *testing.T) {
	t.Run("with an error", func(t *testing.T) {
		out, err := program(t, "fails").CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 1, exit.ExitCode())
		require.Contains(t, string(out), `"error":"broken"`)
	})
	t.Run("when asked to", func(t *testing.T) {
		cmd := program(t, "waits")
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		line := make([]byte, len("running\n"))
		_, err = out.Read(line)
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, cmd.Wait())
	})
	t.Run("at once when asked twice", func(t *testing.T) {
		cmd := program(t, "ignores")
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		line := make([]byte, 64)
		_, err = out.Read(line)
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		_, err = out.Read(line)
		require.NoError(t, err)
		// The first signal's handler is taken away concurrently with the drain: ask until it is.
		for cmd.Process.Signal(os.Interrupt) == nil && syscall.Kill(cmd.Process.Pid, 0) == nil {
			if exited(cmd) {
				break
			}
		}
		require.Error(t, cmd.Wait())
	})
}

// exited tells whether the process has ended, without reaping it.
func exited(cmd *exec.Cmd) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	if err != nil {
		return true
	}
	return len(stat) > 0 && containsZombie(string(stat))
}

func containsZombie(stat string) bool {
	var pid int
	var name, state string
	_, _ = fmt.Sscanf(stat, "%d %s %s", &pid, &name, &state)
	return state == "Z"
}

func TestGroup(t *testing.T) {
	g := lifecycle.NewGroup(t.Context())
	g.Go("listener", func(context.Context) error { return errors.New("address in use") })
	g.Go("sweeper", func(ctx context.Context) error { <-ctx.Done(); return nil })
	require.EqualError(t, g.Wait(), "listener: address in use")
	require.Error(t, g.Context().Err())
}

func TestGroupKeepsTheErrorThatMatters(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	g := lifecycle.NewGroup(ctx)
	canceled := make(chan struct{})
	g.Go("sweeper", func(ctx context.Context) error { <-ctx.Done(); close(canceled); return ctx.Err() })
	g.Go("listener", func(ctx context.Context) error { <-canceled; return errors.New("requests were cut off") })
	stop()
	require.EqualError(t, g.Wait(), "listener: requests were cut off")
}
