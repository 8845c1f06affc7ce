// Package agent starts an Envoy beside an app and keeps it: registered in Consul, with a bootstrap, and with a way to Consul's
// xDS that outlives any one token.
package agent

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/consul/api"

	"redoubt.example/services/platform/lifecycle"
	"redoubt.example/services/platform/mesh/internal/connect"
	"redoubt.example/services/platform/mesh/internal/plane"
)

// stopTimeout is how long Envoy may take to end before it is killed.
const stopTimeout = 5 * time.Second

// Config is what an agent needs to know.
type Config struct {
	Service, Instance, Datacenter string
	Protocol                      string // the app's: "http", or "http2" for gRPC. Consul's "grpc" would tell it no caller
	Upstreams                     []string
	// Bind is where Envoy listens for peers, and Advertise what they are told; "" for both: at a free port of this machine's loopback.
	Bind, Advertise        string
	RunDir, CAFile         string
	ConsulHTTP, ConsulGRPC string
	Envoy, ConsulProgram   string // programs
	Log                    *slog.Logger
}

// Agent is one workload's, of the workload's own user.
type Agent struct {
	cfg    Config
	consul *connect.Client
	entry  *connect.Registration
}

// New makes an agent. Nothing is sent, and nothing started, before Run.
func New(cfg Config) (*Agent, error) {
	if cfg.Instance == "" {
		cfg.Instance = cfg.Service
	}
	consul, err := connect.New(connect.Config{Service: cfg.Service, Instance: cfg.Instance, Datacenter: cfg.Datacenter,
		JWTFile: filepath.Join(cfg.RunDir, "consul.jwt"), CAFile: cfg.CAFile, HTTPAddr: cfg.ConsulHTTP, GRPCAddr: cfg.ConsulGRPC, Log: cfg.Log})
	if err != nil {
		return nil, err
	}
	a := &Agent{cfg: cfg, consul: consul}
	a.entry = consul.NewRegistration(a.appSocket(), func(ctx context.Context) error {
		return plane.AppReady(ctx, filepath.Join(cfg.RunDir, "admin.sock"))
	})
	a.entry.Proxy = a.proxy()
	return a, nil
}

func (a *Agent) appSocket() string { return filepath.Join(a.cfg.RunDir, "app.sock") }

// proxy is what Consul's xDS makes listeners and clusters of.
func (a *Agent) proxy() *api.AgentServiceConnectProxyConfig {
	p := &api.AgentServiceConnectProxyConfig{LocalServiceSocketPath: a.appSocket(), Config: map[string]any{
		"protocol":                 a.cfg.Protocol,
		"local_request_timeout_ms": 0, // the app has its own, and streams take longer than any
	}}
	for _, name := range a.cfg.Upstreams {
		p.Upstreams = append(p.Upstreams, api.Upstream{DestinationName: name,
			LocalBindSocketPath: plane.UpstreamSocket(a.cfg.RunDir, name), LocalBindSocketMode: "0600"})
	}
	return p
}

// Run works until ctx ends, or Envoy does: then with an error. At the end the workload leaves the catalog first.
func (a *Agent) Run(ctx context.Context) error {
	advertise, err := a.place()
	if err != nil {
		return err
	}
	linked, unlink := context.WithCancel(context.WithoutCancel(ctx)) // until after the goodbye
	var links sync.WaitGroup
	links.Go(func() { a.consul.Login(linked) })
	parts := lifecycle.NewGroup(ctx)
	entered := make(chan struct{})
	parts.Go("registration", func(ctx context.Context) error { defer close(entered); a.entry.Run(ctx, advertise); return nil })
	parts.Go("xDS", a.serveADS)
	parts.Go("envoy", func(ctx context.Context) error { return a.keepEnvoy(ctx, entered) })
	err = parts.Wait()
	unlink()
	links.Wait()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if bye := a.consul.Close(end); bye != nil {
		a.cfg.Log.Warn("consul wasn't told goodbye", "error", bye.Error())
	}
	return err
}

// keepEnvoy starts Envoy once Consul knows the workload, and ends it once Consul no longer names it.
func (a *Agent) keepEnvoy(ctx context.Context, entered <-chan struct{}) error {
	for !a.entry.Registered() {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
	token, _, err := a.consul.Token(ctx)
	if err != nil {
		return err
	}
	bootstrap, err := a.writeBootstrap(ctx, token)
	if err != nil {
		return err
	}
	defer os.Remove(bootstrap)
	cmd := exec.Command(a.cfg.Envoy, "--config-path", bootstrap, "--disable-hot-restart", "--concurrency", "2", "--log-level", "warning")
	cmd.Env, cmd.Dir = []string{"HOME=" + a.cfg.RunDir}, a.cfg.RunDir
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() { // one thread to start and wait: the kernel kills Envoy when the thread that started it ends
		lockThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	select {
	case err := <-ended:
		return fmt.Errorf("envoy ended by itself: %w", orUnknown(err))
	case <-ctx.Done():
	}
	<-entered
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := a.entry.Deregister(end); err != nil {
		a.cfg.Log.Warn("consul wasn't told goodbye", "error", err.Error())
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-end.Done():
		_ = cmd.Process.Kill()
		<-ended
	}
	return nil
}

// place chooses where Envoy listens for peers, and returns where they find it.
func (a *Agent) place() (advertise string, err error) {
	if a.cfg.Bind == "" {
		return freePort()
	}
	bind, err := netip.ParseAddrPort(a.cfg.Bind)
	if err != nil {
		return "", fmt.Errorf("where Envoy listens: %w", err)
	}
	a.entry.Proxy.Config["bind_address"], a.entry.Proxy.Config["bind_port"] = bind.Addr().String(), bind.Port()
	return cmp.Or(a.cfg.Advertise, a.cfg.Bind), nil
}

// freePort is where Envoy is to listen for peers: a registration has to name it before Envoy opens it.
func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a mesh port: %w", err)
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}
