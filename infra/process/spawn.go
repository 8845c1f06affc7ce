package process

import (
	"io"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// command makes a process of its own group that the kernel kills when its parent dies.
func command(spec Spec, log io.Writer) *exec.Cmd {
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env = append([]string{}, spec.Env...) // not nil: nil would inherit ours
	cmd.Dir = spec.Dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.WaitDelay = time.Second // a grandchild that holds the output open doesn't hold us
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if spec.UID != 0 || spec.GID != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(spec.UID), Gid: uint32(spec.GID)}
	}
	return cmd
}

type spawnRequest struct {
	cmd    *exec.Cmd
	result chan error
}

var spawns = startSpawner()

// startSpawner keeps one thread that starts every process. PR_SET_PDEATHSIG fires when the *thread* that
// forked ends, and Go may end any thread but one that a living goroutine has locked.
func startSpawner() chan<- spawnRequest {
	requests := make(chan spawnRequest)
	go func() {
		runtime.LockOSThread()
		for r := range requests {
			r.result <- r.cmd.Start()
		}
	}()
	return requests
}

func spawn(cmd *exec.Cmd) error {
	result := make(chan error, 1)
	spawns <- spawnRequest{cmd, result}
	return <-result
}
