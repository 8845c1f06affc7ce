package main

import (
	"context"
	"log/slog"
	"time"

	"redoubt.example/services/ingestion/internal/documents"
	"redoubt.example/services/platform/telemetry"
)

// reconcile settles what requests left open until ctx ends. A failed round is logged; a later one makes up for it.
func reconcile(ctx context.Context, intake *documents.Intake, every time.Duration, log *slog.Logger) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		round := telemetry.WithRequestID(telemetry.WithLogger(ctx, log), telemetry.NewRequestID())
		settled, err := intake.Reconcile(round)
		if settled > 0 {
			telemetry.Log(round).Info("settled documents that were left open", "count", settled)
		}
		if err != nil && ctx.Err() == nil {
			telemetry.Log(round).Error("settle documents that were left open", "error", err.Error())
		}
	}
}
