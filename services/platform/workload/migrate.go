package workload

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/migration"
	"redoubt.example/services/platform/secrets"
	"redoubt.example/services/platform/telemetry"
)

// OpenJob logs a one-shot job of topology.yaml in, with an identity of its own. The caller closes the Vault.
// It returns the name of the service that the job belongs to.
func OpenJob(ctx context.Context, cfg config.Workload) (service string, vault *secrets.Vault, err error) {
	top, err := topology.Load()
	if err != nil {
		return "", nil, err
	}
	job := top.Jobs[cfg.Name]
	if job == nil {
		return "", nil, &config.Error{Reason: fmt.Sprintf("REDOUBT_WORKLOAD %q is not a job of topology.yaml", cfg.Name)}
	}
	log := telemetry.NewLogger(os.Stderr, cfg.Name, cfg.LogLevel)
	slog.SetDefault(log)
	vault, err = login(ctx, cfg, log)
	if err != nil {
		return "", nil, fmt.Errorf("open job %s: %w", cfg.Name, err)
	}
	return job.Service, vault, nil
}

// Migrate brings the database of the job's service up to date with the numbered .sql files, as a login that
// may change the schema and that the service itself doesn't have.
func Migrate(ctx context.Context, cfg config.Workload, files fs.FS) error {
	service, vault, err := OpenJob(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		if err := vault.Close(ctx); err != nil {
			slog.Warn("close job", "error", err.Error())
		}
	}()
	if cfg.Database == "" {
		return &config.Error{Reason: "REDOUBT_DATABASE is not set, and " + cfg.Name + " needs a database"}
	}
	pool, err := vault.Database(ctx, secrets.DatabaseConfig{Addr: cfg.Database, CAFile: cfg.CAFile, Name: service, Role: cfg.Name})
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer pool.Close()
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer conn.Release()
	applied, err := migration.Apply(ctx, conn.Conn(), service+"_owner", files)
	if err != nil {
		return err
	}
	slog.Info("schema is up to date", "applied", applied)
	return nil
}
