package plane

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"redoubt.example/services/platform/mesh/internal/tunnel"
	"redoubt.example/services/platform/mesh/internal/unixsock"
)

// drainTimeout bounds how long requests in flight may take to finish at the end.
const drainTimeout = 10 * time.Second

// Sidecar is a data plane beside an app, which it reaches, and is reached by, over unix sockets.
type Sidecar struct {
	*Plane
	port      net.Listener
	upstreams map[string]*unixsock.Listener
}

// NewSidecar opens all of a sidecar's sockets: the port for peers at bind, and one socket per upstream.
func NewSidecar(ctx context.Context, cfg Config, bind string) (_ *Sidecar, err error) {
	p, err := New(cfg)
	if err != nil {
		return nil, err
	}
	s := &Sidecar{Plane: p, upstreams: map[string]*unixsock.Listener{}}
	defer func() {
		if err != nil {
			s.closeListeners()
		}
	}()
	if s.port, err = tunnel.Listen(ctx, bind); err != nil {
		return nil, fmt.Errorf("open the mesh port: %w", err)
	}
	for _, name := range cfg.Upstreams {
		if s.upstreams[name], err = unixsock.Listen(UpstreamSocket(cfg.RunDir, name)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// UpstreamSocket is where an app finds an upstream.
func UpstreamSocket(runDir, upstream string) string {
	return filepath.Join(runDir, "up-"+upstream+".sock")
}

// Run works until ctx ends, then leaves the catalog, lets requests in flight finish, and logs out.
func (s *Sidecar) Run(ctx context.Context) error {
	s.Start(cmp.Or(s.cfg.Advertise, s.port.Addr().String()))
	parts, serving := errgroup.WithContext(ctx)
	in := &tunnel.Inbound{Server: s.Server, Streams: s.Streams, AppSocket: s.AppSocket(), Log: s.cfg.Log}
	parts.Go(func() error { return in.Serve(serving, s.port) })
	for name, ln := range s.upstreams {
		out := &tunnel.Outbound{Client: s.Client, Streams: s.Streams, Upstream: name, Log: s.cfg.Log}
		parts.Go(func() error { return out.Serve(serving, ln) })
	}
	<-serving.Done()
	s.cfg.Log.Info("draining")
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	s.Farewell(s.Leave(end))
	s.Streams.Drain(end)
	err := parts.Wait()
	s.Farewell(s.Stop(context.WithoutCancel(ctx)))
	return err
}

func (s *Sidecar) closeListeners() {
	if s.port != nil {
		_ = s.port.Close()
	}
	for _, ln := range s.upstreams {
		if ln != nil {
			_ = ln.Close()
		}
	}
}
