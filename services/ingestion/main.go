// Command ingestion takes documents in; `ingestion migrate` brings its database up to date.
package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"redoubt.example/services/ingestion/internal/documents"
	"redoubt.example/services/ingestion/internal/httpapi"
	"redoubt.example/services/ingestion/internal/peers"
	"redoubt.example/services/ingestion/internal/postgres"
	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/workload"
)

type settings struct {
	config.Workload
	ReconcileEvery time.Duration `env:"INGESTION_RECONCILE_EVERY" envDefault:"5s"` // how often unsettled documents are looked for
}

// Validate checks what no default can.
func (s settings) Validate() error {
	if s.ReconcileEvery < 10*time.Millisecond {
		return &config.Error{Reason: "REDOUBT_INGESTION_RECONCILE_EVERY must be at least 10ms"}
	}
	return s.Workload.Validate()
}

func main() { workload.Main(postgres.Migrations, serve) }

func serve(ctx context.Context, cfg settings, w *workload.Workload, pool *pgxpool.Pool) error {
	inference, err := w.GRPC("inference")
	if err != nil {
		return err
	}
	notified := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "redoubt_ingestion_notifications_total", Help: "Notifications about documents, by outcome: sent, failed, dropped."}, []string{"outcome"})
	w.Metrics.MustRegister(notified)
	intake := documents.New(documents.Config{
		Store:      postgres.New(pool),
		Payments:   peers.Payments{Client: w.HTTP("payments")},
		Classifier: peers.Inference{Client: inferencev1.NewInferenceServiceClient(inference)},
		Notifier:   peers.Notification{Client: w.HTTP("notification")},
		Allow:      httpapi.Allow,
		Notified:   func(outcome string) { notified.WithLabelValues(outcome).Inc() },
		Now:        time.Now,
	})
	w.Every(cfg.ReconcileEvery, "settle documents that were left open", intake.Reconcile)
	w.OnClose(intake.Close)
	return w.Serve(ctx, httpapi.Routes(intake)...)
}
