package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/attack"
	"redoubt.example/scripts/internal/interview"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/threatmodel"
)

// backgroundVerb is what runs an incident's attacks; it isn't for people.
const backgroundVerb = "background"

// An incident's attacks are run again after each pause, so many times at most: enough for an interview of an hour, and no load to speak of.
const (
	attackPause  = time.Minute
	attackRounds = 60
)

// attackMeanwhile runs the attacks once, so that there is something to find, and has a process of its own go on. It returns its pid.
func (a *app) attackMeanwhile(ctx context.Context, i threatmodel.Interview) (pid int, err error) {
	progress := term.NewProgress(os.Stderr)
	task := progress.Task("interview", "it happens")
	err = a.attackOnce(ctx, i)
	task.End("")
	progress.Close()
	if err != nil {
		return 0, err
	}
	dir, err := a.dir()
	if err != nil {
		return 0, err
	}
	child := exec.Command(ownProgram, "interview", backgroundVerb, "--dir", dir.Path())
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		return 0, fmt.Errorf("start the incident: %w", err)
	}
	pid = child.Process.Pid // Release forgets it
	return pid, child.Process.Release()
}

// attackOnce runs the attacks without remembering what came of them: that would be an answer.
func (a *app) attackOnce(ctx context.Context, i threatmodel.Interview) error {
	chosen, err := selectAttacks(i.Attacks)
	if err != nil {
		return err
	}
	lab, err := a.target(ctx)
	if err == nil {
		lab.Detector, err = a.detector() // some attacks are stopped by nothing, and have to be found
	}
	if err != nil {
		return err
	}
	report, err := attack.Run(ctx, lab, chosen, func(string, *attack.Result) {})
	if err == nil && len(report.Attacks) == 0 {
		err = fmt.Errorf("this incident can't happen here: %s", report.Skipped[0].Reason)
	}
	return err
}

func (a *app) interviewBackground() *cobra.Command {
	return &cobra.Command{
		Use:    backgroundVerb,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			for range attackRounds {
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(attackPause):
				}
				_, s, i, err := a.interviewing()
				if err != nil || s.Background != os.Getpid() {
					return err // it ended, or another began
				}
				if _, _, err := a.running(); err != nil {
					return err // what happens on a lab ends with it
				}
				_ = a.attackOnce(ctx, i) // a lab that the candidate is changing may not serve; it may again in a minute
			}
			return nil
		},
	}
}

// endBackground ends the incident. A pid that is another program's by now is left alone.
func endBackground(s interview.Session) error {
	if s.Background == 0 {
		return nil
	}
	line, err := os.ReadFile("/proc/" + strconv.Itoa(s.Background) + "/cmdline")
	if err != nil || !isBackground(line) {
		return nil //nolint:nilerr // it is gone
	}
	if err := syscall.Kill(s.Background, syscall.SIGTERM); err != nil {
		return fmt.Errorf("end the incident: %w", err)
	}
	return nil
}

func isBackground(cmdline []byte) bool {
	return strings.Contains(string(cmdline), "\x00interview\x00"+backgroundVerb+"\x00")
}
