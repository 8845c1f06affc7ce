package sentinel

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"redoubt.example/services/platform/alert"
)

// Vigil watches the watcher: that sentinel answers, that events come in, and that nobody who ought to report is silent.
type Vigil struct {
	mu      sync.Mutex
	events  uint64
	grew    time.Time // when events came in last, as far as was seen
	silent  []string
	reasons []string
}

const (
	lookEvery = 5 * time.Second
	// quiet is how long no event may come in: each workload says every five seconds that it is there.
	quiet = 30 * time.Second
)

// Run asks until ctx ends, and says in the log when something begins to be wrong, and when it is well again.
func (v *Vigil) Run(ctx context.Context, client *Client, log *slog.Logger) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	before := ""
	for {
		health, err := client.Health(ctx)
		if ctx.Err() != nil {
			return
		}
		v.Note(health, err, time.Now())
		now := strings.Join(v.Reasons(), "; ")
		switch {
		case now == before:
		case now == "":
			log.Info("sentinel is well again")
		default:
			log.Warn("sentinel isn't well", "reason", now)
		}
		before = now
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Note takes what an answer, or none, says.
func (v *Vigil) Note(h alert.Health, err error, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.grew.IsZero() || err == nil && h.Events != v.events {
		v.grew = now
	}
	if err == nil {
		v.events, v.silent = h.Events, h.Silent
	}
	v.reasons = nil
	for _, name := range v.silent {
		v.reasons = append(v.reasons, name+" reports nothing to sentinel")
	}
	if since := now.Sub(v.grew); since >= quiet {
		what := "sentinel gets no events"
		if err != nil {
			what = "sentinel doesn't answer, and finds nothing"
		}
		v.reasons = append(v.reasons, fmt.Sprintf("%s, for %v now", what, since.Round(time.Second)))
	}
}

// Reasons are what isn't well; none is good.
func (v *Vigil) Reasons() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]string(nil), v.reasons...)
}
