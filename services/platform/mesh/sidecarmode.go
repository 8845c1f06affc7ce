package mesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"redoubt.example/services/platform/mesh/internal/accept"
	"redoubt.example/services/platform/mesh/internal/plane"
	"redoubt.example/services/platform/mesh/internal/unixsock"
)

// sidecarRestart is how long a dial waits for a sidecar that isn't there: one that was killed is back before that, and takes
// the app's callers in again at once.
const sidecarRestart = time.Second

// sidecarMode leaves mTLS and intentions to the sidecar beside the app, over unix sockets that only their
// common user can open.
type sidecarMode struct{ cfg Config }

func newSidecarMode(cfg Config) *sidecarMode { return &sidecarMode{cfg} }

func (s *sidecarMode) listen() (net.Listener, error) {
	ln, err := unixsock.Listen(filepath.Join(s.cfg.RunDir, "app.sock"))
	if err != nil {
		return nil, err
	}
	return accept.New(ln, fromSidecar(s.cfg.Log)), nil
}

func (s *sidecarMode) dial(ctx context.Context, upstream string) (net.Conn, error) {
	if !slices.Contains(s.cfg.Upstreams, upstream) {
		return nil, fmt.Errorf("%s has no upstream %s in topology.yaml", s.cfg.Workload, upstream)
	}
	ctx, cancel := context.WithTimeout(ctx, sidecarRestart)
	defer cancel()
	c, err := unixsock.Await(ctx, plane.UpstreamSocket(s.cfg.RunDir, upstream))
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", upstream, err)
	}
	return c, nil
}

// id asks the sidecar, whose certificate says it. Its socket is ours alone.
func (s *sidecarMode) id(ctx context.Context) (ID, error) {
	h, err := plane.AskReady(ctx, plane.AdminSocket(s.cfg.RunDir))
	if err != nil {
		return ID{}, fmt.Errorf("the sidecar doesn't answer: %w", err)
	}
	id, err := ParseID(h.ID)
	if err != nil || id.Service != s.cfg.Workload {
		return ID{}, errors.New("the sidecar has no certificate yet")
	}
	return id, nil
}

func (s *sidecarMode) ready() error {
	h, err := plane.AskReady(context.Background(), plane.AdminSocket(s.cfg.RunDir))
	switch {
	case err != nil:
		return fmt.Errorf("the sidecar doesn't answer: %w", err)
	case !h.OK:
		return errors.New("the sidecar isn't ready: " + strings.Join(h.Reasons, "; "))
	}
	return nil
}

func (s *sidecarMode) close() error { return nil }
