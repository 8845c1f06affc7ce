package workload

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/lifecycle"
	"redoubt.example/services/platform/telemetry"
)

// Settings are a service's own; they have this method by embedding config.Workload.
type Settings interface{ Common() config.Workload }

// Main is the main function of a service that has a database: it reads the settings, opens the workload and the database,
// and has serve run until the process is asked to end. With the argument "migrate" the program is the job that brings
// the database up to date instead.
func Main[S Settings](migrations fs.FS, serve func(ctx context.Context, cfg S, w *Workload, db *pgxpool.Pool) error) {
	lifecycle.Main(func(ctx context.Context) error {
		var cfg S
		if err := config.Load(&cfg); err != nil {
			return err
		}
		switch args := os.Args[1:]; {
		case len(args) == 1 && args[0] == "migrate":
			return Migrate(ctx, cfg.Common(), migrations)
		case len(args) > 0:
			return &config.Error{Reason: "usage: " + filepath.Base(os.Args[0]) + " [migrate]"}
		}
		w, err := Open(ctx, cfg.Common())
		if err != nil {
			return err
		}
		defer w.Close()
		pool, err := w.Database(ctx)
		if err != nil {
			return err
		}
		return serve(ctx, cfg, w, pool)
	})
}

// Every has round done again and again while the workload serves, each time under an ID of its own; it tells how many
// things it did. A round that fails is logged, and the next one makes up for it.
func (w *Workload) Every(period time.Duration, what string, round func(context.Context) (int, error)) {
	w.Go(what, func(ctx context.Context) error {
		tick := time.NewTicker(period)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			ctx := telemetry.WithRequestID(telemetry.WithLogger(ctx, w.Log), telemetry.NewRequestID())
			done, err := round(ctx)
			if done > 0 {
				telemetry.Log(ctx).Info(what, "count", done)
			}
			if err != nil && ctx.Err() == nil {
				telemetry.Log(ctx).Error(what, "error", err.Error())
			}
		}
	})
}
