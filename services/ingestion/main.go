// Command ingestion takes documents in; `ingestion migrate` brings its database up to date.
package main

import (
	"context"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"redoubt.example/services/ingestion/internal/documents"
	"redoubt.example/services/ingestion/internal/httpapi"
	"redoubt.example/services/ingestion/internal/peers"
	"redoubt.example/services/ingestion/internal/postgres"
	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/lifecycle"
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
	return &config.Error{Reason: "usage: ingestion [migrate]"}
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
	w.Go("reconciler", func(ctx context.Context) error { return reconcile(ctx, intake, cfg.ReconcileEvery, w.Log) })
	w.OnClose(intake.Close)
	return w.Serve(ctx, httpapi.Routes(intake)...)
}
