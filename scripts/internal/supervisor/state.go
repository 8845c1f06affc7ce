package supervisor

import (
	"context"
	"sync"
	"time"

	"redoubt.example/scripts/internal/procfs"
)

// State is where a component is in its life.
type State string

const (
	Waiting    State = "waiting"    // for what it depends on
	Starting   State = "starting"   // it runs, and isn't ready yet
	Ready      State = "ready"      // it runs and answers its check
	Degraded   State = "degraded"   // it runs, but no longer answers its check
	Restarting State = "restarting" // it died, and is started again soon
	Stopped    State = "stopped"    // held down, or shut down
	Failed     State = "failed"     // given up
	Done       State = "done"       // a step or job that has succeeded
)

// Good tells whether everything is as it should be.
func (s State) Good() bool { return s == Ready || s == Done }

// Component is one component as it is now.
type Component struct {
	Name     string
	State    State
	PID      int // 0 when nothing runs
	Restarts int
	Memory   int64         // bytes, with the processes below it; only Inspect fills it in
	Took     time.Duration // the last start, to readiness
	Error    string        // why it isn't well
	Job      bool          // a step or job: done once
}

// Components returns all of them in the order of their specs.
func (s *Supervisor) Components() []Component {
	all := make([]Component, len(s.components))
	for i, c := range s.components {
		all[i] = c.snapshot()
	}
	return all
}

// Inspect is Components after asking each once more whether it is ready, and for its memory.
func (s *Supervisor) Inspect(ctx context.Context) []Component {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	all, tree := s.Components(), procfs.Tree()
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			now := &all[i]
			if now.PID != 0 {
				now.Memory = procfs.MemoryWith(now.PID, tree)
			}
			check := s.components[i].spec.Ready
			if now.State != Ready || check == nil {
				return
			}
			if err := check(ctx); err != nil {
				now.State, now.Error = Degraded, err.Error()
			}
		})
	}
	wg.Wait()
	return all
}

// broadcast wakes everybody who waits for the next change.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

func newBroadcast() *broadcast { return &broadcast{ch: make(chan struct{})} }

func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ch
}

func (b *broadcast) send() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.ch)
	b.ch = make(chan struct{})
}
