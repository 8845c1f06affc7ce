// Package workload is what every service's main shares: Open logs in and joins the mesh, Serve runs until the
// process is asked to end, then drains and gives back every lease.
package workload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/event/ship"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/mesh"
	"redoubt.example/services/platform/policy"
	"redoubt.example/services/platform/secrets"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/upstream"
)

// The files that a workload's run folder has.
const (
	VaultJWT    = "vault.jwt"
	AdminSocket = "admin.sock"
)

// closeTimeout bounds giving leases back; what isn't revoked by then ends by its time to live.
const closeTimeout = 5 * time.Second

// lastEvents bounds how long sentinel may take for what a process has to say at its end.
const lastEvents = time.Second

// Workload is a service's process, connected to everything it runs on.
type Workload struct {
	Config   config.Workload
	Log      *slog.Logger
	Topology *topology.Topology
	Mesh     *mesh.Mesh
	Vault    *secrets.Vault
	Metrics  *telemetry.Metrics
	Tracing  *telemetry.Tracing
	Policy   *policy.Decider
	Verifier *authn.Verifier // nil where the topology doesn't let the workload ask the gateway for its keys

	parts   []part
	checks  []check
	closers []func()

	events  *ship.Shipper
	rotate  map[string]Rotate
	admin   []httpserver.AdminOption
	closing sync.Once
}

// Open connects a service to the mesh and to Vault. On an error nothing stays open.
func Open(ctx context.Context, cfg config.Workload) (*Workload, error) {
	top, err := topology.Load()
	if err != nil {
		return nil, err
	}
	if top.Services[cfg.Name] == nil {
		return nil, &config.Error{Reason: fmt.Sprintf("REDOUBT_WORKLOAD %q is not a service of topology.yaml", cfg.Name)}
	}
	w := &Workload{Config: cfg, Topology: top, Metrics: telemetry.NewMetrics(cfg.Name)}
	w.events = ship.New(ship.Config{Workload: cfg.Name, Node: cfg.Name, Upstreams: top.Upstreams(cfg.Name), RunDir: cfg.RunDir, Log: os.Stderr, Metrics: w.Metrics})
	w.Log = telemetry.NewLogger(w.events, cfg.Name, cfg.LogLevel)
	slog.SetDefault(w.Log) // for what a library logs, and lifecycle.Main's last word
	if err := controls.SwitchOff(w.Log, cfg.ControlsOff); err != nil {
		return nil, &config.Error{Reason: err.Error()}
	}
	if cfg.CheckAgain {
		controls.CheckAgain(w.Log)
	}
	if err := w.inject(cfg.Delays); err != nil {
		return nil, &config.Error{Reason: err.Error()}
	}

	if err := w.trace(); err != nil {
		return nil, err
	}

	// The three don't need each other, and the context outlives the group: renewals go on in the background.
	var start errgroup.Group
	start.Go(func() (err error) { w.Vault, err = login(ctx, cfg, w.Log); return err })
	start.Go(func() (err error) { w.Mesh, err = mesh.Open(ctx, w.meshConfig()); return err })
	if cfg.PolicyFile == "" {
		start.Go(func() (err error) { w.Policy, err = policy.New(ctx, cfg.Name, top); return err })
	}
	if err := start.Wait(); err != nil {
		w.Close()
		return nil, fmt.Errorf("open workload %s: %w", cfg.Name, err)
	}
	w.events.Start(w.Mesh)
	w.OnRotate(RotateLogins, func(ctx context.Context) (string, error) { return "", w.Vault.Replace(ctx) })
	w.Ready("mesh", w.Mesh.Ready)
	w.Ready("vault", w.Vault.Ready)
	w.followPolicy(ctx)
	if slices.Contains(top.Upstreams(cfg.Name), "gateway") {
		w.Verifier = authn.NewVerifier(transactionKeys(w.HTTP("gateway")))
	}
	return w, nil
}

// trace starts to export traces and metrics, where the configuration says where to.
func (w *Workload) trace() (err error) {
	w.Tracing, err = telemetry.NewTracing(telemetry.ExportConfig{Endpoint: w.Config.OTLPEndpoint, CAFile: w.Config.CAFile, Sample: w.Config.TraceSample,
		Workload: w.Config.Name, Log: w.Log, Metrics: w.Metrics})
	if err != nil {
		return err
	}
	w.OnClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if err := w.Tracing.Close(ctx); err != nil {
			w.Log.Warn("close telemetry", "error", err.Error())
		}
	})
	return nil
}

func (w *Workload) meshConfig() mesh.Config {
	return mesh.Config{Workload: w.Config.Name, Instance: w.Config.Instance, Upstreams: w.Topology.Upstreams(w.Config.Name), RunDir: w.Config.RunDir,
		Mode: w.Config.Mode, CAFile: w.Config.CAFile, ConsulHTTP: w.Config.ConsulHTTP, ConsulGRPC: w.Config.ConsulGRPC,
		UnsafeLab: w.Config.UnsafeLab, Log: w.Log}
}

func login(ctx context.Context, cfg config.Workload, log *slog.Logger) (*secrets.Vault, error) {
	return secrets.Login(ctx, secrets.Config{Addr: cfg.VaultAddr, CAFile: cfg.CAFile, Role: cfg.Name,
		JWTFile: filepath.Join(cfg.RunDir, VaultJWT), Log: log})
}

func transactionKeys(gateway *upstream.Client) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		var keys json.RawMessage
		err := gateway.Call(ctx, http.MethodGet, "/v1/transaction-keys", nil, nil, &keys)
		return keys, err
	}
}

// HTTP returns a client of an upstream, with the workload's log and metrics. Once per upstream; Close closes it.
func (w *Workload) HTTP(name string, opts ...upstream.Option) *upstream.Client {
	c := upstream.HTTP(w.Mesh, name, append([]upstream.Option{upstream.WithLogger(w.Log), upstream.WithMetrics(w.Metrics)}, opts...)...)
	w.OnClose(c.Close)
	return c
}

// GRPC returns a connection to an upstream, with the workload's log and metrics. Once per upstream; Close
// closes it.
func (w *Workload) GRPC(name string, opts ...upstream.Option) (*grpc.ClientConn, error) {
	conn, err := upstream.GRPC(w.Mesh, name, append([]upstream.Option{upstream.WithLogger(w.Log), upstream.WithMetrics(w.Metrics)}, opts...)...)
	if err == nil {
		w.OnClose(func() { _ = conn.Close() })
	}
	return conn, err
}

// Database returns the pool of the service's own database, with credentials leased from Vault, and makes the
// workload's readiness depend on it. Close closes it.
func (w *Workload) Database(ctx context.Context) (*pgxpool.Pool, error) {
	if w.Config.Database == "" {
		return nil, &config.Error{Reason: "REDOUBT_DATABASE is not set, and " + w.Config.Name + " needs a database"}
	}
	pool, err := w.Vault.Database(ctx, secrets.DatabaseConfig{Addr: w.Config.Database, CAFile: w.Config.CAFile,
		Name: w.Config.Name, Role: w.Config.Name})
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	w.OnClose(pool.Close)
	w.Ready("database", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return pool.Ping(ctx)
	})
	return pool, nil
}

// OnClose has Close call f before it closes what was opened earlier: for what must end between the last request and
// the end of the upstreams.
func (w *Workload) OnClose(f func()) { w.closers = append(w.closers, f) }

// Close closes clients and pools, leaves the mesh, and revokes the workload's leases and its Vault token.
// Serve calls it; a main that fails before defers it. It may be called twice.
func (w *Workload) Close() {
	w.closing.Do(func() {
		for _, f := range slices.Backward(w.closers) {
			f()
		}
		ctx, cancel := context.WithTimeout(context.Background(), lastEvents)
		defer cancel()
		w.events.Close(ctx)
		var errs []error
		if w.Mesh != nil {
			errs = append(errs, w.Mesh.Close())
		}
		if w.Vault != nil {
			ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
			defer cancel()
			errs = append(errs, w.Vault.Close(ctx))
		}
		if err := errors.Join(errs...); err != nil {
			w.Log.Warn("close workload", "error", err.Error())
		}
	})
}
