// Package process runs one process: started, waited for, stopped. Order, restarts and backoff belong to
// whoever holds several of them.
package process

import (
	"context"
	"syscall"
	"time"
)

// Spec says what to run and when it counts as ready. It is data: nothing happens before Start.
type Spec struct {
	Name string
	Path string
	Args []string
	Env  []string // all of it: nothing is inherited
	Dir  string
	UID  int // 0: as we are
	GID  int

	StopSignal  syscall.Signal // SIGTERM when 0
	StopTimeout time.Duration  // then the whole process group is killed; 10 s when 0

	Depends []string // the names that must be ready before this one starts
	Once    bool     // a job: ready, and done, when it exits 0

	// Run is a step inside our own process, instead of Path. Its context ends when it is stopped.
	Run func(ctx context.Context) error

	Prepare    func(ctx context.Context) error // before each start
	Ready      func(ctx context.Context) error // polled until nil; absent: ready once started
	AfterReady func(ctx context.Context) error // each time it became ready
}

func (s Spec) stopSignal() syscall.Signal {
	if s.StopSignal == 0 {
		return syscall.SIGTERM
	}
	return s.StopSignal
}

func (s Spec) stopTimeout() time.Duration {
	if s.StopTimeout == 0 {
		return 10 * time.Second
	}
	return s.StopTimeout
}
