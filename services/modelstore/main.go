// Modelstore serves signed, versioned model weights. "modelstore publish" is the job that signs them, with an
// identity of its own, so that the service that serves can't sign.
package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"

	"redoubt.example/services/modelstore/internal/artifact"
	"redoubt.example/services/modelstore/internal/httpapi"
	"redoubt.example/services/modelstore/internal/store"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/lifecycle"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/workload"
)

//go:embed models
var models embed.FS

type settings struct {
	config.Workload
	DataDir string `env:"DATA_DIR"` // where blobs and manifests lie; the default is data in the run folder
}

func main() { lifecycle.Main(run) }

func run(ctx context.Context) error {
	var cfg settings
	if err := config.Load(&cfg); err != nil {
		return err
	}
	if cfg.DataDir == "" {
		cfg.DataDir = filepath.Join(cfg.RunDir, "data")
	}
	ctx = telemetry.WithLogger(ctx, telemetry.NewLogger(os.Stderr, cfg.Name, cfg.LogLevel))
	switch args := os.Args[1:]; {
	case len(args) == 0:
		return serve(ctx, cfg)
	case len(args) == 1 && args[0] == "publish":
		return publish(ctx, cfg)
	default:
		return &config.Error{Reason: fmt.Sprintf("usage: %s [publish]", filepath.Base(os.Args[0]))}
	}
}

func serve(ctx context.Context, cfg settings) error {
	files, err := store.Open(cfg.DataDir)
	if err != nil {
		return err
	}
	defer func() { _ = files.Close() }()
	catalog := artifact.NewCatalog(files)
	if err := catalog.Verify(ctx); err != nil {
		return fmt.Errorf("verify store: %w", err)
	}
	w, err := workload.Open(ctx, cfg.Workload)
	if err != nil {
		return err
	}
	return w.Serve(ctx, httpapi.Routes(catalog)...)
}
