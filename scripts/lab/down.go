package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"redoubt.example/scripts/internal/containers"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/labdir"
	"redoubt.example/scripts/internal/procfs"
)

// downTimeout is what a shutdown may take: every component has its own patience, and they stop side by side.
const downTimeout = time.Minute

type downResult struct {
	Stopped bool `json:"stopped"` // false: there was none
}

func (a *app) down() *cobra.Command {
	return &cobra.Command{
		Use:     "down",
		GroupID: groupRun,
		Short:   "Stop everything; nothing is left but the logs",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			stopped, err := a.takeDown(cmd.Context())
			if err != nil {
				return err
			}
			return a.output().Print(downResult{stopped}, func(w io.Writer) error {
				text := "no lab was up in " + a.path
				if stopped {
					text = "stopped; logs stay in " + a.path + "/logs"
				}
				_, err := fmt.Fprintln(w, text)
				return err
			})
		},
	}
}

func (a *app) takeDown(ctx context.Context) (stopped bool, err error) {
	dir, err := a.dir()
	if err != nil {
		return false, err
	}
	record, err := dir.Running()
	if errors.Is(err, labdir.ErrNotRunning) {
		found, err := removeContainers(ctx, dir)
		return found, errors.Join(err, dir.Clean())
	}
	if err != nil {
		return false, err
	}
	// The handle first: what it waits for later is this process, whoever gets its number afterwards.
	handle, err := openProcess(record)
	if errors.Is(err, unix.ESRCH) {
		_, err := removeContainers(ctx, dir)
		return true, errors.Join(err, dir.Clean())
	}
	if err != nil {
		return false, err
	}
	defer handle.Close()
	client, _, err := a.running()
	if err == nil {
		err = client.Down(ctx)
	}
	if err != nil { // it doesn't answer: a signal does the same
		if err := unix.PidfdSendSignal(int(handle.Fd()), unix.SIGTERM, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return false, fmt.Errorf("stop the supervisor: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, downTimeout)
	defer cancel()
	if err := awaitEnd(ctx, handle); err != nil {
		return false, exit.Mend(fmt.Errorf("the lab is still stopping after %s", downTimeout), "lab status"+a.dirFlag())
	}
	return true, dir.Clean()
}

// removeContainers takes away what a killed supervisor had an engine run: unlike processes, containers don't end with it.
func removeContainers(ctx context.Context, dir labdir.Dir) (found bool, err error) {
	repo, err := repository()
	if err != nil || containers.Check(ctx) != nil { // no engine runs anything for us
		return false, nil
	}
	left := containers.Platform{Project: containers.Project(dir.Path()), File: filepath.Join(repo, "docker-compose.yml")}
	if found, err = left.Exists(ctx); err != nil || !found {
		return false, err
	}
	return true, left.Down(ctx)
}

// openProcess returns a handle on the supervisor, or ESRCH when its number is somebody else's by now.
func openProcess(record labdir.Record) (*os.File, error) {
	fd, err := unix.PidfdOpen(record.PID, 0)
	if err != nil {
		return nil, err
	}
	handle := os.NewFile(uintptr(fd), "pidfd")
	if now, err := procfs.Read(record.PID); err != nil || now.Start != record.StartTime {
		handle.Close()
		return nil, unix.ESRCH
	}
	return handle, nil
}

// awaitEnd polls the handle, which becomes readable when the process has ended.
func awaitEnd(ctx context.Context, handle *os.File) error {
	for {
		fds := []unix.PollFd{{Fd: int32(handle.Fd()), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 100)
		switch {
		case n > 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}
