package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
)

// State is what the machine does besides while it is measured. Figures of different states don't compare: an idle
// processor halts, and waking it costs more than a TLS record does.
type State string

const (
	KeptAwake State = "kept-awake" // a SCHED_IDLE spinner per processor: steady, for attribution
	AsFound   State = "as-found"
	// HalfLoad: each processor is busy half of the time at normal priority, in bursts of random length around 1 ms.
	HalfLoad State = "half-load"
)

// States are all of them, in the order in which they are measured.
var States = []State{KeptAwake, AsFound, HalfLoad}

// Enter puts the machine into a state until leave is called. background is the program of this module's folder
// bench/background; it dies with us.
func (s State) Enter(ctx context.Context, background string) (leave func(), err error) {
	var how string
	switch s {
	case KeptAwake:
		how = "idle"
	case HalfLoad:
		how = "half"
	case AsFound:
		return func() {}, nil
	default:
		return nil, fmt.Errorf("there is no state %q", s)
	}
	group := ""
	if s == KeptAwake {
		group = idleGroup()
	}
	var stops []func()
	leave = func() {
		for _, stop := range stops {
			stop()
		}
		if group != "" {
			_ = os.Remove(group) // the last one in it has ended
		}
	}
	for cpu := range runtime.NumCPU() {
		stop, err := spin(ctx, background, how, cpu, group)
		if err != nil {
			leave()
			return nil, err
		}
		stops = append(stops, stop)
	}
	return leave, nil
}

// spin starts one spinner, in a control group if there is one, and returns when it spins. Its standard input's end is its end.
func spin(ctx context.Context, background, how string, cpu int, group string) (stop func(), err error) {
	cmd := exec.CommandContext(ctx, background, how, strconv.Itoa(cpu))
	cmd.Env = []string{}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a spinner: %w", err)
	}
	stop = func() {
		_ = in.Close()
		_ = cmd.Wait()
	}
	_, err = io.ReadFull(out, make([]byte, 1))
	if err == nil && group != "" {
		err = enter(group, cmd.Process.Pid)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a spinner: %w", err), in.Close(), cmd.Wait())
	}
	return stop, nil
}
