package platformbench

import (
	"context"
	"fmt"
	"time"

	"redoubt.example/loadtest/bench"
	"redoubt.example/loadtest/report"
)

// consumption fills in what one request takes of all of a lab's processes: processor time in microseconds, less what they use
// when nobody asks, and handshakes within the mesh.
func (r *run) consumption(ctx context.Context, l *Lab, into *report.Profile) error {
	r.cfg.Say(l.Name + ": processor time")
	if err := l.look(ctx); err != nil {
		return err
	}
	w, err := l.connect(ctx, storeDocument)
	if err != nil {
		return err
	}
	defer w.close()
	const requests = 50
	shaken, _ := l.handshakes(ctx)
	before, began := l.used(), time.Now()
	for range requests {
		if err := w.good(); err != nil {
			return fmt.Errorf("%s: %w", l.Name, err)
		}
	}
	busy, took := since(before, l.used()), time.Since(began)
	if now, known := l.handshakes(ctx); known {
		into.Handshakes = round(max(0, now-shaken) / requests)
	}
	before, began = l.used(), time.Now()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(max(time.Second, took/2)):
	}
	idle, idled := since(before, l.used()), time.Since(began)
	own := float64(busy) - float64(idle)*float64(took)/float64(idled)
	into.CPU, into.Memory = round(own/float64(time.Microsecond)/requests), l.Status.RSSBytes
	return nil
}

// used is what each of the lab's processes has used so far. One that has ended is left out: databases renew theirs.
func (l *Lab) used() map[int]time.Duration {
	all := make(map[int]time.Duration, len(l.processes))
	for _, pid := range l.processes {
		if t, err := bench.ProcessorTime(pid); err == nil {
			all[pid] = t
		}
	}
	return all
}

func since(before, now map[int]time.Duration) (spent time.Duration) {
	for pid, t := range now {
		if then, ok := before[pid]; ok {
			spent += t - then
		}
	}
	return spent
}
