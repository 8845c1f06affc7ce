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

// burst is the mean length of a rest, and of the busy stretch after it. Lengths are exponential, in step with nothing,
// up to longest bursts.
const (
	burst   = time.Millisecond
	longest = 8
)

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
	if args[0] == "idle" {
		for {
			spin(burst)
		}
	}
	for {
		began := time.Now()
		time.Sleep(time.Duration(min(rand.ExpFloat64(), longest) * float64(burst)))
		spin(min(time.Since(began), longest*burst)) // as long as the rest really was: sleeps last longer than told
	}
}

func spin(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
}
