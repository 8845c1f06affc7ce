package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Process is one started Spec. It ends by itself, by Stop, or with us: the kernel kills it when we die.
type Process struct {
	spec   Spec
	cmd    *exec.Cmd // nil for a step of our own process
	cancel context.CancelFunc

	done chan struct{} // closed when it has ended and err is set
	err  error

	mu     sync.Mutex
	reaped bool // its pid may belong to somebody else by now
}

// Start prepares and starts a process; its output goes to log. The context bounds the preparation, and the
// life of a Run step; a process lives on until Stop.
func Start(ctx context.Context, spec Spec, log io.Writer) (*Process, error) {
	if (spec.Path == "") == (spec.Run == nil) {
		return nil, fmt.Errorf("start %s: either a path or a step to run", spec.Name)
	}
	if spec.Prepare != nil {
		if err := spec.Prepare(ctx); err != nil {
			return nil, fmt.Errorf("prepare %s: %w", spec.Name, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := &Process{spec: spec, done: make(chan struct{})}
	if spec.Run != nil {
		p.runStep(ctx)
		return p, nil
	}
	p.cmd = command(spec, log)
	if err := spawn(p.cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	go p.reap()
	return p, nil
}

func (p *Process) runStep(ctx context.Context) {
	ctx, p.cancel = context.WithCancel(ctx)
	go func() {
		defer close(p.done)
		defer p.cancel()
		p.err = p.spec.Run(ctx)
	}()
}

// reap waits for the leader, then kills what it left in its group. The leader is still a zombie then, so
// that its group's number can't have been given to anybody else.
func (p *Process) reap() {
	defer close(p.done)
	for {
		err := unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	p.mu.Lock()
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	p.reaped = true
	p.mu.Unlock()
	p.err = p.cmd.Wait()
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the end and returns how it ended: nil for exit code 0, otherwise an *exec.ExitError or
// the step's error.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// PID is 0 for a step of our own process.
func (p *Process) PID() int {
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// Stop asks the process to end and waits for it. After the spec's StopTimeout, or when the context ends, the
// process group is killed. How the process ended is not Stop's error: an error means that it still runs.
func (p *Process) Stop(ctx context.Context) error {
	if p.cmd == nil {
		p.cancel()
	} else {
		p.signal(p.cmd.Process.Pid, p.spec.stopSignal())
	}
	patience := time.NewTimer(p.spec.stopTimeout())
	defer patience.Stop()
	select {
	case <-p.done:
		return nil
	case <-patience.C:
	case <-ctx.Done():
	}
	if p.cmd == nil {
		return fmt.Errorf("stop %s: it doesn't end when told to", p.spec.Name)
	}
	p.signal(-p.cmd.Process.Pid, syscall.SIGKILL)
	select {
	case <-p.done:
		return nil
	case <-time.After(5 * time.Second): // stuck in the kernel: nothing more can be done
		return fmt.Errorf("stop %s: pid %d survives SIGKILL", p.spec.Name, p.PID())
	}
}

func (p *Process) signal(pid int, sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		_ = syscall.Kill(pid, sig)
	}
}
