package platformbench

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"redoubt.example/loadtest/bench"
	"redoubt.example/loadtest/report"
)

// traffic is an honest user's: requests begin at their rate whether or not those before were answered (open model), and each
// is timed from when it was due, so that waiting behind a slow one counts.
type traffic struct {
	lab     *Lab
	request Request
	rate    float64 // per second
	during  time.Duration
	scopes  []string
}

// experience is what became of it.
type experience struct {
	took    []time.Duration // of the requests that were answered well
	answers []answer        // theirs
	due     []time.Duration // when, from the begin, each of them was due
	late    []time.Duration // how much later than it was due each was sent, by our own fault
	refused []time.Duration // how long those took that were answered, but not well
	failed  int             // those, and who got no answer
	sent    int
}

// mostWires bounds what is under way; a request that finds none free waits, and its time runs.
const mostWires = 64

func (t traffic) send(ctx context.Context) (experience, error) {
	var e experience
	var mu sync.Mutex
	var all sync.WaitGroup
	wires := make(chan *wire, mostWires)
	for range mostWires {
		wires <- nil // connected when it is first needed
	}
	first, err := t.lab.connect(ctx, t.request, t.scopes...)
	if err != nil {
		return e, err
	}
	<-wires
	wires <- first
	gap := time.Duration(float64(time.Second) / t.rate)
	began := time.Now()
	for due, end := began, began.Add(t.during); due.Before(end); due = due.Add(gap) {
		select {
		case <-ctx.Done():
			all.Wait()
			return e, ctx.Err()
		case <-time.After(time.Until(due)):
		}
		late := time.Since(due)
		all.Go(func() {
			w := <-wires
			a, err := t.once(ctx, &w)
			wires <- w
			mu.Lock()
			defer mu.Unlock()
			e.sent++
			e.late = append(e.late, late)
			if r := (*refused)(nil); errors.As(err, &r) {
				e.refused = append(e.refused, a.took)
			}
			if err != nil {
				e.failed++
				return
			}
			e.took, e.answers, e.due = append(e.took, time.Since(due)), append(e.answers, a), append(e.due, due.Sub(began))
		})
	}
	all.Wait()
	for range mostWires {
		if w := <-wires; w != nil {
			w.close()
		}
	}
	return e, nil
}

// once sends one request, on a new connection where there is none or the last failed.
func (t traffic) once(ctx context.Context, w **wire) (a answer, err error) {
	if *w == nil {
		if *w, err = t.lab.connect(ctx, t.request, t.scopes...); err != nil {
			return a, err
		}
	}
	if a, err = (*w).exchange(); err != nil {
		(*w).close()
		*w = nil
	}
	return a, err
}

func (e experience) quantile(q float64) float64 { return round(bench.QuantileOf(q, e.took)) }

// interval is where that quantile lies: a bootstrap over seconds, since requests of one second meet the same trouble. There is
// none where too few requests lie beyond it.
func (e experience) interval(q float64) report.Interval {
	if float64(len(e.took))*min(q, 1-q) < bench.TailRequests {
		return report.Interval{}
	}
	bySecond := map[time.Duration][]float64{}
	for i, took := range e.took {
		second := e.due[i] / time.Second
		bySecond[second] = append(bySecond[second], float64(took)/float64(time.Microsecond))
	}
	return interval(bench.QuantileInterval(slices.Collect(maps.Values(bySecond)), q, 0.95))
}
