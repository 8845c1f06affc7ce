package main

import (
	"context"
	"log/slog"
	"time"

	"redoubt.example/services/payments/internal/ledger"
)

// sweep gives expired holds back until ctx ends. A failed round is logged; the next one makes up for it.
func sweep(ctx context.Context, book *ledger.Ledger, every time.Duration, log *slog.Logger) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		expired, err := book.Sweep(ctx)
		if expired > 0 {
			log.Info("gave back expired authorizations", "count", expired)
		}
		if err != nil && ctx.Err() == nil {
			log.Error("sweep expired authorizations", "error", err.Error())
		}
	}
}
