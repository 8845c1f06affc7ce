// Command payments is the credit ledger's service; `payments migrate` brings its database up to date.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"redoubt.example/services/payments/internal/httpapi"
	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/payments/internal/postgres"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/lifecycle"
	"redoubt.example/services/platform/workload"
)

const transitKey = "payments"

type settings struct {
	config.Workload
	HoldFor    time.Duration `env:"PAYMENTS_HOLD_FOR" envDefault:"10m"`   // how long an authorization stays open
	SweepEvery time.Duration `env:"PAYMENTS_SWEEP_EVERY" envDefault:"5s"` // how often expired ones are given back
}

// Validate checks what no default can.
func (s settings) Validate() error {
	if s.HoldFor < time.Second || s.SweepEvery < 10*time.Millisecond {
		return fmt.Errorf("REDOUBT_PAYMENTS_HOLD_FOR must be at least 1s and REDOUBT_PAYMENTS_SWEEP_EVERY at least 10ms")
	}
	return s.Workload.Validate()
}

func main() { lifecycle.Main(run) }

func run(ctx context.Context) error {
	var cfg settings
	if err := config.Load(&cfg); err != nil {
		return err
	}
	switch args := os.Args[1:]; {
	case len(args) == 0:
		return serve(ctx, cfg)
	case len(args) == 1 && args[0] == "migrate":
		return workload.Migrate(ctx, cfg.Workload, postgres.Migrations)
	}
	return &config.Error{Reason: "usage: payments [migrate]"}
}

func serve(ctx context.Context, cfg settings) error {
	w, err := workload.Open(ctx, cfg.Workload)
	if err != nil {
		return err
	}
	defer w.Close()
	pool, err := w.Database(ctx)
	if err != nil {
		return err
	}
	store, sealer := postgres.New(pool), w.Vault.Envelope(transitKey)
	w.OnRotate("transit", func(ctx context.Context) (string, error) {
		count, err := store.Rewrap(ctx, sealer.Rewrap)
		return fmt.Sprintf("%d wrapped anew", count), err
	})
	book := ledger.New(ledger.Config{Store: store, Allow: httpapi.Allow, HoldFor: cfg.HoldFor, Now: time.Now})
	w.Go("sweeper", func(ctx context.Context) error { return sweep(ctx, book, cfg.SweepEvery, w.Log) })
	return w.Serve(ctx, httpapi.Routes(book, ledger.References{Store: store, Sealer: sealer})...)
}
