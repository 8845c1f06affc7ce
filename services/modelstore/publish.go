package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"redoubt.example/services/modelstore/internal/artifact"
	"redoubt.example/services/modelstore/internal/store"
	"redoubt.example/services/platform/secrets"
	"redoubt.example/services/platform/telemetry"
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
	log := telemetry.Log(ctx)
	vault, err := secrets.Login(ctx, secrets.Config{
		Addr: cfg.VaultAddr, CAFile: cfg.CAFile, JWTFile: filepath.Join(cfg.RunDir, "vault.jwt"), Role: cfg.Name, Log: log,
	})
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	defer func() { err = errors.Join(err, vault.Close(context.WithoutCancel(ctx))) }()
	publisher := artifact.Publisher{Store: files, Signer: vault.Transit("modelstore")}
	for _, r := range releases {
		m, changed, err := publisher.Publish(ctx, r)
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		log.Info("model published", "model", m.Name, "version", m.Version, "digest", string(m.Digest),
			"size", m.Size, "key_version", m.KeyVersion, "changed", changed)
	}
	return nil
}
