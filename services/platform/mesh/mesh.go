// Package mesh connects a workload to the others: it dials upstreams by name, accepts their connections,
// and says who calls. Every connection it gives has been authenticated on both sides and authorized.
package mesh

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/mesh/spiffe"
)

// ID is a workload's SPIFFE ID.
type ID = spiffe.ID

// ParseID reads a SPIFFE ID, strictly.
func ParseID(uri string) (ID, error) { return spiffe.Parse(uri) }

// Config says which workload this is and how it reaches the mesh.
type Config struct {
	Workload   string
	Instance   string   // this one of several replicas; Workload when empty
	Upstreams  []string // topology.yaml's
	RunDir     string   // the workload's own folder, 0700
	Mode       string   // "sidecar", "native", "envoy", or with UnsafeLab "plaintext"
	CAFile     string
	ConsulHTTP string // host:port
	ConsulGRPC string // host:port
	UnsafeLab  bool   // REDOUBT_UNSAFE_LAB: what protects nothing may be chosen
	Log        *slog.Logger
}

// Mesh is a workload's way into the mesh. All methods may be used at once.
type Mesh struct{ mode mode }

// mode is one way of reaching the mesh, chosen at start.
type mode interface {
	listen() (net.Listener, error)
	dial(ctx context.Context, upstream string) (net.Conn, error)
	id(ctx context.Context) (ID, error)
	ready() error
	close() error
}

// Open returns the workload's mesh. It doesn't wait until the mesh works: Ready tells that.
func Open(ctx context.Context, cfg Config) (*Mesh, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	switch cfg.Mode {
	case "sidecar":
		return &Mesh{newSidecarMode(cfg)}, nil
	case "native":
		m, err := newNativeMode(ctx, cfg)
		if err != nil {
			return nil, err
		}
		return &Mesh{m}, nil
	case "plaintext":
		m, err := newPlaintextMode(ctx, cfg)
		if err != nil {
			return nil, err
		}
		return &Mesh{m}, nil
	case "envoy":
		return &Mesh{&envoyMode{sidecarMode{cfg}}}, nil
	}
	return nil, &config.Error{Reason: fmt.Sprintf("mesh mode %q is unknown; use \"sidecar\" or \"native\"", cfg.Mode)}
}

// Listen opens the workload's listener, once. What it accepts can be given to Caller by ConnContext or
// ServerCredentials; a connection without a proved caller is never returned. Its Close ends it.
func (m *Mesh) Listen() (net.Listener, error) { return m.mode.listen() }

// Dial connects to an upstream. The caller closes the connection.
func (m *Mesh) Dial(ctx context.Context, upstream string) (net.Conn, error) {
	return m.mode.dial(ctx, upstream)
}

// ID returns the workload's own SPIFFE ID. It waits until there is one, or until ctx ends.
func (m *Mesh) ID(ctx context.Context) (ID, error) {
	for {
		id, err := m.mode.id(ctx)
		if err == nil {
			return id, nil
		}
		select {
		case <-ctx.Done():
			return ID{}, fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Ready says in plain words why the mesh can't be used yet; nil when it can. It may take up to two seconds.
func (m *Mesh) Ready() error { return m.mode.ready() }

// Close gives everything back that Open took.
func (m *Mesh) Close() error { return m.mode.close() }
