package controlplanetest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"redoubt.example/infra/process"
)

// runner starts specs in the order of their dependencies. It is the supervisor's core without its restarts.
type runner struct {
	life context.Context // ends when all is stopped
	end  context.CancelFunc
	log  *output

	mu        sync.Mutex
	processes map[string]*process.Process
	order     []string
	took      map[string]time.Duration
}

func newRunner() *runner {
	life, end := context.WithCancel(context.Background())
	return &runner{
		life: life, end: end, log: &output{},
		processes: map[string]*process.Process{}, took: map[string]time.Duration{},
	}
}

func (r *runner) start(ctx context.Context, specs []process.Spec) error {
	began := time.Now()
	ready := map[string]chan struct{}{}
	for _, spec := range specs {
		ready[spec.Name] = make(chan struct{})
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, spec := range specs {
		group.Go(func() error {
			for _, dependency := range spec.Depends {
				if ready[dependency] == nil {
					return fmt.Errorf("%s depends on %q, which isn't a component", spec.Name, dependency)
				}
				select {
				case <-ready[dependency]:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			if err := r.startOne(ctx, spec); err != nil {
				return err
			}
			r.mu.Lock()
			r.took[spec.Name] = time.Since(began)
			r.mu.Unlock()
			close(ready[spec.Name])
			return nil
		})
	}
	return group.Wait()
}

func (r *runner) startOne(ctx context.Context, spec process.Spec) error {
	p, err := process.Start(ctx, spec, r.log)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.processes[spec.Name] = p
	r.order = append(r.order, spec.Name)
	r.mu.Unlock()
	return process.WaitReady(ctx, spec, p)
}

func (r *runner) stopOne(name string) error {
	p := r.get(name)
	if p == nil {
		return fmt.Errorf("%s isn't running", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return p.Stop(ctx)
}

// stop ends what was started last first.
func (r *runner) stop() {
	r.end()
	for i := len(r.order) - 1; i >= 0; i-- {
		_ = r.stopOne(r.order[i])
	}
}

func (r *runner) get(name string) *process.Process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.processes[name]
}

func (r *runner) times() map[string]time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.took)
}

// output keeps what the servers say, for the message of a failed start.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
