// Notification tells principals what happened, in their inbox and by signed webhooks, and takes signed webhooks from
// outside. "notification migrate" is the job that applies its schema.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"redoubt.example/services/notification/internal/egress"
	"redoubt.example/services/notification/internal/httpapi"
	"redoubt.example/services/notification/internal/message"
	"redoubt.example/services/notification/internal/postgres"
	"redoubt.example/services/notification/internal/webhook"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/workload"
)

const (
	transitKey     = "notification"
	refreshSources = 2 * time.Second
	pruneEvery     = time.Hour
)

type settings struct {
	config.Workload
	// host:port pairs that webhooks may go to whatever they are, as they stand in the URL
	WebhookAllow []string `env:"NOTIFICATION_WEBHOOK_ALLOW"`
}

// Validate checks what no default can.
func (s settings) Validate() error {
	if _, err := webhook.NewTargets(s.WebhookAllow); err != nil {
		return fmt.Errorf("REDOUBT_NOTIFICATION_WEBHOOK_ALLOW: %w", err)
	}
	return s.Workload.Validate()
}

func main() { workload.Main(postgres.Migrations, serve) }

func serve(ctx context.Context, cfg settings, w *workload.Workload, pool *pgxpool.Pool) error {
	targets, err := webhook.NewTargets(cfg.WebhookAllow)
	if err != nil {
		return err
	}
	store, sealer := postgres.New(pool), w.Vault.Envelope(transitKey)
	w.OnRotate("transit", func(ctx context.Context) (string, error) {
		count, err := store.Rewrap(ctx, sealer.Rewrap)
		return fmt.Sprintf("%d wrapped anew", count), err
	})
	sources := webhook.NewSources(store, sealer)
	if err := sources.Refresh(ctx); err != nil { // one unreadable secret mustn't stop all the rest; it is tried again
		w.Log.Warn("known webhook sources may be stale", "error", err.Error())
	}
	dispatcher := webhook.NewDispatcher(store, egress.New(egress.Config{Targets: targets}), sealer, webhook.DefaultPolicy)
	w.Go("webhook dispatcher", dispatcher.Run)
	w.Go("webhook sources", func(ctx context.Context) error { return sources.Run(ctx, refreshSources) })
	w.Go("prune", func(ctx context.Context) error { return store.RunPrune(ctx, pruneEvery) })
	api := httpapi.API{
		Inbox:     message.Inbox{Store: store, Wake: dispatcher.Wake},
		Endpoints: webhook.Endpoints{EndpointStore: store, Targets: targets, Sealer: sealer},
		Sources:   sources,
		Receiver:  webhook.Receiver{Sources: sources, Store: store, Now: time.Now},
	}
	return w.Serve(ctx, api.Routes()...)
}
