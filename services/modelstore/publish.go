package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"redoubt.example/services/modelstore/internal/artifact"
	"redoubt.example/services/modelstore/internal/store"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/workload"
)

// publish signs and stores every committed model, once. Run again, it changes nothing.
func publish(ctx context.Context, cfg settings) (err error) {
	tree, err := fs.Sub(models, "models")
	if err != nil {
		return err
	}
	releases, err := artifact.Releases(tree)
	if err != nil {
		return err
	}
	files, err := store.Open(cfg.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, files.Close()) }()
	_, vault, err := workload.OpenJob(ctx, cfg.Workload)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, vault.Close(context.WithoutCancel(ctx))) }()
	publisher := artifact.Publisher{Store: files, Signer: vault.Transit("modelstore")}
	for _, r := range releases {
		m, changed, err := publisher.Publish(ctx, r)
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		telemetry.Log(ctx).Info("model published", "model", m.Name, "version", m.Version, "digest", string(m.Digest),
			"size", m.Size, "key_version", m.KeyVersion, "changed", changed)
	}
	return nil
}
