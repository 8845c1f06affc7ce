package mesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"redoubt.example/services/platform/mesh/internal/plane"
	"redoubt.example/services/platform/mesh/internal/tunnel"
)

// nativeMode is the data plane inside the app: the sidecar's parts without the sockets between.
type nativeMode struct {
	cfg   Config
	plane *plane.Plane
	port  net.Listener
	admin sync.WaitGroup
	stop  context.CancelFunc // ends the admin socket
}

func newNativeMode(ctx context.Context, cfg Config) (*nativeMode, error) {
	metrics := prometheus.NewRegistry()
	p, err := plane.New(plane.Config{Service: cfg.Workload, Instance: cfg.Instance, Datacenter: "dc1", Upstreams: cfg.Upstreams,
		RunDir: cfg.RunDir, CAFile: cfg.CAFile, ConsulHTTP: cfg.ConsulHTTP, ConsulGRPC: cfg.ConsulGRPC, Log: cfg.Log,
		Metrics: metrics})
	if err != nil {
		return nil, err
	}
	port, err := tunnel.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the mesh port: %w", err)
	}
	p.Start(port.Addr().String())
	n := &nativeMode{cfg: cfg, plane: p, port: port}
	ctx, n.stop = context.WithCancel(context.WithoutCancel(ctx))
	n.admin.Go(func() {
		if err := p.ServeAdmin(ctx, promhttp.HandlerFor(metrics, promhttp.HandlerOpts{})); err != nil {
			cfg.Log.Error("the data plane has no admin socket", "error", err.Error()) // it works without
		}
	})
	return n, nil
}

func (n *nativeMode) listen() (net.Listener, error) {
	return callerListener{tunnel.Direct(n.port, n.plane.Server, n.plane.Streams, n.cfg.Log)}, nil
}

// callerListener gives the connections the form that Caller knows.
type callerListener struct{ net.Listener }

func (l callerListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := c.(*tunnel.DirectConn)
	return &callerConn{Conn: conn, caller: conn.Peer, remote: conn.RemoteAddr()}, nil
}

func (n *nativeMode) dial(ctx context.Context, upstream string) (net.Conn, error) {
	if !slices.Contains(n.cfg.Upstreams, upstream) {
		return nil, fmt.Errorf("%s has no upstream %s in topology.yaml", n.cfg.Workload, upstream)
	}
	return n.plane.Dial(ctx, upstream)
}

func (n *nativeMode) id(context.Context) (ID, error) {
	if text := n.plane.ID(); text != "" {
		return ParseID(text)
	}
	return ID{}, errors.New("no leaf certificate yet")
}

func (n *nativeMode) ready() error { return n.plane.Ready() }

// close says goodbye to Consul. The app has drained its servers by then.
func (n *nativeMode) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = n.port.Close()
	n.plane.Farewell(n.plane.Leave(ctx))
	n.plane.Farewell(n.plane.Stop(ctx))
	n.stop()
	n.admin.Wait()
	return nil
}
