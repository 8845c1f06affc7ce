package tunnel

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/spiffe"
)

// Streams knows the streams, to close those that are no longer allowed or whose term has ended, and to drain at the end.
type Streams struct {
	log     *slog.Logger
	metrics *Metrics

	ctx context.Context // ends when draining has: nothing new may begin
	end context.CancelFunc

	mu   sync.Mutex
	open map[*stream]struct{}
	from map[string]int // how many of them each caller has opened
	most int            // of one caller
}

// maxFromCaller keeps one caller, who may connect but was taken over, from using up the memory of all: twice as many as the
// mesh is meant to hold, about 100 MB.
const maxFromCaller = 4096

// NewStreams returns an empty set.
func NewStreams(log *slog.Logger, m *Metrics) *Streams {
	ctx, end := context.WithCancel(context.Background())
	return &Streams{log: log, metrics: m, ctx: ctx, end: end, open: map[*stream]struct{}{}, from: map[string]int{}, most: maxFromCaller}
}

// run keeps s in the set while handle runs, and closes it in the end.
func (t *Streams) run(s *stream, handle func() error) error {
	if !t.add(s) {
		s.close()
		return context.Canceled
	}
	defer t.remove(s)
	return handle()
}

// add puts s into the set, or records why not.
func (t *Streams) add(s *stream) bool {
	err := t.enter(s)
	if err != nil {
		recordRefusal(err, t.log, t.metrics, s.direction, addressOf(s.remote))
	}
	return err == nil
}

func (t *Streams) enter(s *stream) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if s.direction == inbound {
		if t.from[s.peer.Service] >= t.most {
			return &identity.Refusal{Control: controls.MeshIntention, Reason: "the caller has too many connections open", Caller: s.peer}
		}
		t.from[s.peer.Service]++
	}
	t.open[s] = struct{}{}
	return nil
}

func (t *Streams) leave(s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, is := t.open[s]; !is {
		return
	}
	delete(t.open, s)
	if s.direction != inbound {
		return
	}
	if t.from[s.peer.Service]--; t.from[s.peer.Service] == 0 {
		delete(t.from, s.peer.Service)
	}
}

// begin counts s among the open ones: its client has sent something. Before that it may be a connection that
// a peer holds ready.
func (t *Streams) begin(s *stream) {
	s.begun.Store(true)
	t.metrics.open.WithLabelValues(s.direction, s.peer.Service).Inc()
}

func (t *Streams) remove(s *stream) {
	s.close()
	t.leave(s)
	if s.ended != nil {
		s.ended()
	}
	if !s.begun.Load() {
		return
	}
	t.metrics.open.WithLabelValues(s.direction, s.peer.Service).Dec()
	t.metrics.bytes.WithLabelValues(s.direction, s.peer.Service, "to_server").Add(float64(s.toServer.Load()))
	t.metrics.bytes.WithLabelValues(s.direction, s.peer.Service, "to_client").Add(float64(s.toClient.Load()))
}

func (t *Streams) list() []*stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]*stream, 0, len(t.open))
	for s := range t.open {
		all = append(all, s)
	}
	return all
}

// Recheck closes the inbound streams whose callers authorize no longer lets in, each with its security event.
func (t *Streams) Recheck(authorize func(spiffe.ID) error) {
	for _, s := range t.list() {
		if s.direction != inbound {
			continue
		}
		if err := authorize(s.peer); err != nil {
			s.close()
			recordRefusal(err, t.log, t.metrics, inbound, s.remote.String())
		}
	}
}

// Drain lets requests in flight finish: a stream is closed once the last bytes were an answer and nothing
// has moved for a moment, which is as much as layer 4 can tell. When ctx ends, the others are closed too.
func (t *Streams) Drain(ctx context.Context) {
	const glance, still = 50 * time.Millisecond, 20
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	quiet := map[*stream]int{}    // glances since bytes last moved
	moved := map[*stream]uint64{} // bytes at the last glance
	for open := t.list(); len(open) > 0 && ctx.Err() == nil; open = t.list() {
		for _, s := range open {
			bytes := s.toServer.Load() + s.toClient.Load()
			if moved[s] == bytes {
				quiet[s]++
			} else {
				quiet[s], moved[s] = 0, bytes
			}
			if quiet[s] >= still && (bytes == 0 || s.answered.Load()) {
				s.finish()
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	t.mu.Lock()
	t.end()
	t.mu.Unlock()
	for _, s := range t.list() {
		s.close()
	}
}
