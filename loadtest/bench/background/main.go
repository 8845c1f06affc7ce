// Command background keeps one processor awake, or busy half of the time, until its standard input ends.
//
//	background idle|half <processor>
package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// burst is the mean length of a busy and of an idle stretch. Their lengths are exponential: in step with nothing.
const burst = time.Millisecond

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "background:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 || (args[0] != "idle" && args[0] != "half") {
		return fmt.Errorf("usage: background idle|half <processor>")
	}
	cpu, err := strconv.Atoi(args[1])
	if err != nil || cpu < 0 {
		return fmt.Errorf("%q is no processor", args[1])
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("stay on processor %d: %w", cpu, err)
	}
	if args[0] == "idle" {
		attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
		if err := unix.SchedSetAttr(0, attr, 0); err != nil {
			return fmt.Errorf("take the idle policy: %w", err)
		}
	}
	if _, err := os.Stdout.WriteString("\n"); err != nil {
		return err
	}
	for {
		busy(args[0] == "idle")
	}
}

// busy spins for one burst; at normal priority it rests as long afterwards, on average.
func busy(idle bool) {
	for end := time.Now().Add(stretch()); time.Now().Before(end); {
	}
	if !idle {
		time.Sleep(stretch())
	}
}

func stretch() time.Duration {
	return time.Duration(min(rand.ExpFloat64(), 8) * float64(burst))
}
