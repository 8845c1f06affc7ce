package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/term"
)

// report is one line from a detached supervisor to the `lab up` that started it.
type report struct {
	Progress string          `json:"progress,omitempty"`
	Status   *control.Status `json:"status,omitempty"` // ready: the last report
	Code     int             `json:"code,omitempty"`   // failed: the last report
	Error    string          `json:"error,omitempty"`
	Mend     string          `json:"mend,omitempty"`
}

// startDetached runs the supervisor in a session of its own and returns when the lab is ready.
func (a *app) startDetached(ctx context.Context, p plan) (control.Status, error) {
	self, err := os.Executable()
	if err != nil {
		return control.Status{}, err
	}
	input, err := json.Marshal(p)
	if err != nil {
		return control.Status{}, err
	}
	reports, theirs, err := os.Pipe()
	if err != nil {
		return control.Status{}, err
	}
	defer reports.Close()
	child := exec.Command(self, detachedVerb)
	child.Stdin = bytes.NewReader(input)
	child.ExtraFiles = []*os.File{theirs} // file 3
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = child.Start()
	theirs.Close()
	if err != nil {
		return control.Status{}, fmt.Errorf("start the supervisor: %w", err)
	}
	// An interrupt ends the start, not only the wait for it. It is our child, so its pid is nobody else's.
	defer context.AfterFunc(ctx, func() { _ = child.Process.Signal(syscall.SIGTERM) })()

	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	task := progress.Task("lab", "starting")
	defer task.End("")
	decoder := json.NewDecoder(reports)
	for {
		var r report
		switch err := decoder.Decode(&r); {
		case errors.Is(err, io.EOF):
			_ = child.Wait()
			return control.Status{}, exit.Mend(errors.New("the supervisor died while starting"), "lab logs supervisor --dir "+p.Dir)
		case err != nil:
			return control.Status{}, fmt.Errorf("hear from the supervisor: %w", err)
		case r.Status != nil:
			return *r.Status, nil
		case r.Error != "":
			_ = child.Wait() // it has cleaned up when it is gone
			return control.Status{}, exit.Restored(r.Code, r.Error, r.Mend)
		default:
			task.Say("%s", r.Progress)
		}
	}
}
