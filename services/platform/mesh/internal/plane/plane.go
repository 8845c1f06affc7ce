// Package plane puts the data plane together: what Consul knows, the tunnel that enforces it, and the
// workload's place in the catalog. The sidecar runs one; in mode native the app does.
package plane

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"redoubt.example/services/platform/mesh/internal/connect"
	"redoubt.example/services/platform/mesh/internal/tunnel"
)

// Config is what a data plane needs to know.
type Config struct {
	Service, Datacenter    string
	Instance               string // unique on the Consul agent; Service when empty
	Upstreams              []string
	RunDir, CAFile         string
	Advertise              string // host:port that peers are told; where the sidecar listens when empty
	ConsulHTTP, ConsulGRPC string
	Log                    *slog.Logger
	Metrics                interface{ MustRegister(...prometheus.Collector) }
}

// Plane is a data plane. Its parts are ready to use after New; they work once Start has been called.
type Plane struct {
	Server  *tunnel.Server
	Client  *tunnel.Client
	Streams *tunnel.Streams

	cfg     Config
	consul  *connect.Client
	entry   *connect.Registration
	running sync.WaitGroup
	stopped context.CancelFunc // ends all but the registration
	left    context.CancelFunc // ends the registration
	entered chan struct{}      // closes when the registration has ended
}

// New makes a data plane. It sends nothing.
func New(cfg Config) (*Plane, error) {
	if cfg.Instance == "" {
		cfg.Instance = cfg.Service
	}
	consul, err := connect.New(connect.Config{Service: cfg.Service, Instance: cfg.Instance, Datacenter: cfg.Datacenter,
		Upstreams: cfg.Upstreams, JWTFile: filepath.Join(cfg.RunDir, "consul.jwt"), CAFile: cfg.CAFile,
		HTTPAddr: cfg.ConsulHTTP, GRPCAddr: cfg.ConsulGRPC, Log: cfg.Log})
	if err != nil {
		return nil, err
	}
	m := tunnel.NewMetrics(cfg.Metrics)
	p := &Plane{cfg: cfg, consul: consul, entered: make(chan struct{}),
		Server:  tunnel.NewServer(consul, consul.Authorize, cfg.Log, m),
		Client:  tunnel.NewClient(consul, consul.Instances, cfg.Log, m),
		Streams: tunnel.NewStreams(cfg.Log, m)}
	p.entry = consul.NewRegistration(p.AppSocket(), p.canAnswer)
	return p, nil
}

// AppSocket is where the app listens in mode sidecar.
func (p *Plane) AppSocket() string { return filepath.Join(p.cfg.RunDir, "app.sock") }

// Start links up with Consul in the background and announces that peers connect to listen. It returns at
// once; Ready tells when the plane can work.
func (p *Plane) Start(listen string) {
	ctx, stop := context.WithCancel(context.Background())
	entry, leave := context.WithCancel(ctx)
	p.stopped, p.left = stop, leave
	p.running.Go(func() { p.consul.Run(ctx) })
	p.running.Go(func() { p.enforce(ctx) })
	p.running.Go(func() { p.Client.Run(ctx) })
	p.running.Go(func() { defer close(p.entered); p.entry.Run(entry, listen) })
}

// Ready says in plain words why the plane can't work yet; nil when it can. Upstreams that aren't there
// don't count: services that need each other must be able to start in any order.
func (p *Plane) Ready() error {
	if err := p.consul.Missing(); err != nil {
		return err
	}
	if !p.entry.Registered() {
		return errors.New("not registered in Consul yet")
	}
	return nil
}

// ID returns the workload's SPIFFE ID, or "" while there is no leaf certificate.
func (p *Plane) ID() string {
	if current := p.consul.Current(); current != nil {
		return current.ID.String()
	}
	return ""
}

// Dial connects the data plane's own process to an upstream. The caller closes the connection.
func (p *Plane) Dial(ctx context.Context, upstream string) (net.Conn, error) {
	return tunnel.DialDirect(ctx, p.Client, p.Streams, upstream)
}

// RenewLeaf has a new leaf certificate signed now, and returns once it is in force. Open connections go on.
func (p *Plane) RenewLeaf(ctx context.Context) error { return p.consul.RenewLeaf(ctx) }

// Instances tells where an upstream is, as tunnel.Instances.
func (p *Plane) Instances(upstream string) (healthy, hung []string, known bool, changed <-chan struct{}) {
	return p.consul.Instances(upstream)
}

// Degraded says what the plane does without at the moment, going on with what it knows; nil when all is well.
func (p *Plane) Degraded() error { return p.consul.Degraded() }

// canAnswer is the workload's health in the catalog: plane and app together.
func (p *Plane) canAnswer(ctx context.Context) error {
	if err := p.consul.Missing(); err != nil {
		return err
	}
	return AppReady(ctx, filepath.Join(p.cfg.RunDir, "admin.sock"))
}

// enforce applies changed intentions to the streams that are open already.
func (p *Plane) enforce(ctx context.Context) {
	for {
		changed := p.consul.IntentionsChanged()
		p.Streams.Recheck(p.consul.Authorize)
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// Leave takes the workload out of the catalog. The plane goes on working for those who are connected.
func (p *Plane) Leave(ctx context.Context) error {
	p.left()
	<-p.entered
	return p.entry.Deregister(ctx)
}

// Stop ends the plane and logs out of Consul. Leave comes first.
func (p *Plane) Stop(ctx context.Context) error {
	p.stopped()
	p.running.Wait()
	return p.consul.Close(ctx)
}

// Farewell notes an error of Leave or Stop. It is no failure of the workload's: without Consul the goodbyes
// fail, and its TTL check and the token's end say them later.
func (p *Plane) Farewell(err error) {
	if err != nil {
		p.cfg.Log.Warn("consul wasn't told goodbye", "error", err.Error())
	}
}
