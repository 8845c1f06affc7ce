package bench

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// clocks reads the processor time of each process, and last our own, to the nanosecond: of all threads, those that
// have ended included. (/proc/<pid>/stat counts ticks of 10 ms, and schedstat leaves out ended threads.)
func clocks(processes []int) ([]time.Duration, error) {
	read := make([]time.Duration, 0, len(processes)+1)
	for _, pid := range processes {
		used, err := ProcessorTime(pid)
		if err != nil {
			return nil, err
		}
		read = append(read, used)
	}
	own, err := ProcessorTime(os.Getpid())
	return append(read, own), err
}

// ProcessorTime is what a process has used so far, in user and kernel mode.
func ProcessorTime(pid int) (time.Duration, error) {
	// clock_getcpuclockid(3): the clock of a process, as its scheduler counts it.
	const scheduler = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|scheduler, &t); err != nil {
		return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}
