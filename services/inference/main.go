// Inference runs the platform's models over gRPC: a language identifier of its own, fetched from modelstore and
// verified, and whatever an OpenAI-compatible server offers, where one is named.
package main

import (
	"context"

	"google.golang.org/grpc"

	"redoubt.example/services/inference/internal/grpcapi"
	"redoubt.example/services/inference/internal/inference"
	"redoubt.example/services/inference/internal/langid"
	"redoubt.example/services/inference/internal/modelclient"
	"redoubt.example/services/inference/internal/payments"
	"redoubt.example/services/platform/api/modelmanifest"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/lifecycle"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/workload"
)

func main() { lifecycle.Main(run) }

func run(ctx context.Context) error {
	var cfg settings
	if err := config.Load(&cfg); err != nil {
		return err
	}
	w, err := workload.Open(ctx, cfg.Workload)
	if err != nil {
		return err
	}
	defer w.Close()
	identifier := &inference.Identifier{}
	models, err := catalog(cfg, identifier, w)
	if err != nil {
		return err
	}
	fetch(w, identifier)
	service := inference.New(inference.Config{Models: models, Payments: payments.Client{Upstream: w.HTTP("payments")}})
	return w.ServeGRPC(ctx, func(g *grpc.Server) { grpcapi.Register(g, service) })
}

// fetch gets the identifier's weights in the background: the process isn't ready before it has them.
func fetch(w *workload.Workload, identifier *inference.Identifier) {
	client := &modelclient.Client{
		Store: w.HTTP("modelstore").Transport(), Keys: w.Vault.Transit("modelstore"), MaxSize: langid.MaxFileSize,
	}
	w.Ready("model", identifier.Ready)
	w.Go("model", func(ctx context.Context) error {
		ctx = telemetry.WithLogger(ctx, w.Log)
		err := client.Keep(ctx, inference.Classifier, func(m modelmanifest.Manifest, weights []byte) error {
			model, err := langid.Load(weights)
			if err == nil {
				identifier.Use(model, m.Version)
			}
			return err
		})
		if ctx.Err() != nil { // asked to end before there was a model
			return nil
		}
		return err
	})
}
