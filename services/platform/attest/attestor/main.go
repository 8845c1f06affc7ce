// Command attestor is the issuer of workload identity documents where each workload runs in a container: the part that
// the kubelet plays in Kubernetes. It keeps every workload's documents fresh in that workload's own volume, and issues
// the operator's and the demo users' to whoever holds its socket. The signing key is in its memory and nowhere else; it has
// no network.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/attest"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/lifecycle"
	"redoubt.example/services/platform/telemetry"
)

type settings struct {
	RunDir   string `env:"RUN_DIR,required,notEmpty"` // holds each workload's folder
	Socket   string `env:"ATTEST_SOCKET,required,notEmpty"`
	LogLevel string `env:"LOG_LEVEL" envDefault:"info"`
}

func main() { lifecycle.Main(run) }

func run(ctx context.Context) error {
	var cfg settings
	if err := config.Load(&cfg); err != nil {
		return err
	}
	log := telemetry.NewLogger(os.Stderr, "attestor", cfg.LogLevel)
	slog.SetDefault(log)
	top, err := topology.Load()
	if err != nil {
		return err
	}
	issuer, err := attest.NewIssuer()
	if err != nil {
		return err
	}
	issuer.Log = log
	k := newKeeper(issuer)
	for _, d := range documents(top) {
		folder := filepath.Join(cfg.RunDir, d.subject)
		uid, gid, err := owner(folder)
		if err != nil {
			return &config.Error{Reason: fmt.Sprintf("%s has no folder: %v", d.subject, err)}
		}
		k.files[d.subject] = append(k.files[d.subject], attest.File{
			Path: filepath.Join(folder, d.audience+".jwt"), Subject: d.subject, Audience: d.audience, UID: uid, GID: gid,
		})
	}
	for subject := range k.files {
		if err := k.give(subject); err != nil {
			return err
		}
	}
	log.Info("documents are in place")
	return serve(ctx, cfg.Socket, k, log)
}

type document struct{ subject, audience string }

// documents says who gets which: a service one for Consul and one for Vault, a job only the latter; Consul logs in to
// Vault, its certificate authority, in the same way.
func documents(top *topology.Topology) []document {
	all := []document{{"consul", attest.AudienceVault}}
	for _, name := range top.Names() {
		all = append(all, document{name, attest.AudienceVault}, document{name, attest.AudienceConsul})
	}
	for _, name := range top.JobNames() {
		all = append(all, document{name, attest.AudienceVault})
	}
	return all
}

// owner of a workload's folder is whoever the workload runs as: the volume was made for it.
func owner(folder string) (uid, gid int, err error) {
	info, err := os.Lstat(folder)
	if err != nil {
		return 0, 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() {
		return 0, 0, fmt.Errorf("%s is no folder", folder)
	}
	return int(stat.Uid), int(stat.Gid), nil
}
