// Sentinel keeps the platform's security events and finds attacks in them. It decides nothing about others: whoever may open
// its admin socket asks what it has found, and acts. "sentinel migrate" is the job that applies its schema.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/workload"
	"redoubt.example/services/sentinel/internal/alerts"
	"redoubt.example/services/sentinel/internal/anomaly"
	"redoubt.example/services/sentinel/internal/archive"
	"redoubt.example/services/sentinel/internal/detection"
	"redoubt.example/services/sentinel/internal/flow"
	"redoubt.example/services/sentinel/internal/httpapi"
	"redoubt.example/services/sentinel/internal/postgres"
	"redoubt.example/services/sentinel/internal/presence"
	"redoubt.example/services/sentinel/internal/stream"
)

type settings struct {
	config.Workload
	Rules string `env:"SENTINEL_RULES"`                     // the folder of the Sigma rules; only the service needs them
	Keep  int    `env:"SENTINEL_KEEP_DAYS" envDefault:"30"` // days after which events are dropped; the database keeps a week at least
}

// Validate checks what no default can.
func (s settings) Validate() error {
	if s.Keep < 1 || s.Keep > 3650 {
		return fmt.Errorf("REDOUBT_SENTINEL_KEEP_DAYS %d is not from 1 to 3650", s.Keep)
	}
	return s.Workload.Validate()
}

const (
	tick       = 50 * time.Millisecond // how often rules are told what time it is: their alerts may be late by that
	maxWaiting = 1 << 16               // events that wait to be looked at
	maxUnkept  = 1 << 18               // and to be stored: some 13 s of the most that comes
	partitions = time.Hour

	// Each workload is heard every five seconds at least.
	silence = 15 * time.Second
	grace   = 30 * time.Second
)

// supervisor is who runs the platform: it says what it holds down.
const supervisor = "supervisor"

// outside are those who keep logs and have no place in the mesh.
var outside = []string{"vault", "consul", "postgres", supervisor}

// told is a book whose responses are also told to who waits for workloads to be heard.
type told struct {
	*alerts.Book
	present *presence.Watch
}

// Respond implements httpapi.Book.
func (t told) Respond(ctx context.Context, r alert.Response) error {
	err := t.Book.Respond(ctx, r)
	if err == nil {
		t.present.Respond(r, time.Now())
	}
	return err
}

func main() { workload.Main(postgres.Migrations, serve) }

func serve(ctx context.Context, cfg settings, w *workload.Workload, pool *pgxpool.Pool) error {
	if cfg.Rules == "" {
		return &config.Error{Reason: "REDOUBT_SENTINEL_RULES is not set: sentinel has no rules of its own"}
	}
	rules, err := detection.Load(os.DirFS(cfg.Rules))
	if err == nil && len(rules.All) == 0 {
		err = errors.New("there are none")
	}
	if err != nil {
		return &config.Error{Reason: fmt.Sprintf("read the rules in %s: %v", cfg.Rules, err)}
	}
	store := postgres.New(pool)
	if _, err := store.KeepEvents(ctx, cfg.Keep); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	book, err := alerts.Open(ctx, store, time.Now)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	kept := archive.New(store, maxUnkept)
	watch := detection.NewWatch(detection.New(rules, detection.Defaults()))
	flows := flow.New()
	present := presence.New(presence.Config{Workloads: w.Topology.Callers(w.Config.Name), Operator: supervisor, Silence: silence, Grace: grace})
	events := stream.New(stream.Config{Observers: []stream.Observer{alerts.NewDamper(watch, anomaly.New(w.Topology), present), flows}, Raise: book.Raise, Keep: kept.Keep,
		Tick: tick, Most: maxWaiting})
	w.Metrics.MustRegister(metrics(events, kept, book, present)...)
	w.Go("archive", kept.Run)
	w.Go("alerts", book.Run)
	w.Go("stream", events.Run)
	w.Every(partitions, "old events dropped", func(ctx context.Context) (int, error) { return store.KeepEvents(ctx, cfg.Keep) })
	health := func() alert.Health {
		s := watch.Stats()
		raised, unkept := book.Counts()
		_, dropped := kept.Counts()
		lost := present.Lost()
		lost[w.Config.Name] += unkept + dropped
		return alert.Health{Events: s.Events, Duplicates: s.Duplicates, Late: s.Late, Lost: lost, Alerts: uint64(raised), Rules: len(rules.All), //nolint:gosec // a count
			Silent: present.Silent(time.Now()), StoreLag: kept.Lag(time.Now())}
	}
	api := httpapi.API{Stream: events, Book: told{book, present}, Store: store, Health: health, Flows: flows.List, Now: time.Now,
		Local: slices.Concat(outside, w.Topology.JobNames(), []string{w.Config.Name})}
	for pattern, handle := range api.Admin() {
		w.Admin(pattern, handle)
	}
	return w.Serve(ctx, api.Routes()...)
}
