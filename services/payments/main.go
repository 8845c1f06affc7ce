// Command payments is the credit ledger's service; `payments migrate` brings its database up to date.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"redoubt.example/services/payments/internal/httpapi"
	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/payments/internal/postgres"
	"redoubt.example/services/platform/config"
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

func main() { workload.Main(postgres.Migrations, serve) }

func serve(ctx context.Context, cfg settings, w *workload.Workload, pool *pgxpool.Pool) error {
	store, sealer := postgres.New(pool), w.Vault.Envelope(transitKey)
	w.OnRotate("transit", func(ctx context.Context) (string, error) {
		count, err := store.Rewrap(ctx, sealer.Rewrap)
		return fmt.Sprintf("%d wrapped anew", count), err
	})
	book := ledger.New(ledger.Config{Store: store, Allow: httpapi.Allow, HoldFor: cfg.HoldFor, Now: time.Now})
	w.Every(cfg.SweepEvery, "give back expired authorizations", book.Sweep)
	return w.Serve(ctx, httpapi.Routes(book, ledger.References{Store: store, Sealer: sealer})...)
}
