// Package connect is a workload's link to Consul: it logs in, gets the leaf and the roots, watches the
// intentions and the instances of upstreams, and keeps the workload registered. What it has learnt stays
// in use while Consul is away.
package connect

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/proto-public/pbconnectca"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"redoubt.example/services/platform/mesh/internal/identity"
)

// Config says who the workload is and where Consul is.
type Config struct {
	Service    string // the service's name
	Instance   string // this instance of it, unique on the Consul agent
	Datacenter string
	Upstreams  []string
	JWTFile    string // the attested JWT for Consul; whoever started the workload keeps it fresh
	CAFile     string // the roots of Consul's own certificates
	HTTPAddr   string // host:port, HTTPS
	GRPCAddr   string // host:port, TLS
	Log        *slog.Logger
}

// Client keeps a local copy of what the data plane needs. All its methods may be called at any time.
type Client struct {
	cfg       Config
	transport *http.Transport
	http      *api.Client
	conn      *grpc.ClientConn
	ca        pbconnectca.ConnectCAServiceClient
	health    *health

	session    *session
	identity   identity.Store
	renewals   renewals
	roots      *latest[*roots]
	intentions *latest[[]*api.Intention]
	instances  map[string]*latest[places]
}

// New makes a client. Nothing is sent before Run.
func New(cfg Config) (*Client, error) {
	pem, err := os.ReadFile(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read Consul's CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read Consul's CA: no certificate in %s", cfg.CAFile)
	}
	c := &Client{cfg: cfg, health: newHealth(cfg.Log), roots: newLatest[*roots](),
		intentions: newLatest[[]*api.Intention](), instances: map[string]*latest[places]{}}
	for _, name := range cfg.Upstreams {
		c.instances[name] = newLatest[places]()
	}
	tlsConfig := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}
	// Our own transport, because the library's would take CONSUL_* from the environment.
	c.transport = &http.Transport{TLSClientConfig: tlsConfig, TLSHandshakeTimeout: 5 * time.Second, IdleConnTimeout: time.Minute}
	c.http, err = api.NewClient(&api.Config{Address: cfg.HTTPAddr, Scheme: "https", HttpClient: &http.Client{Transport: c.transport}})
	if err != nil {
		return nil, fmt.Errorf("make Consul client: %w", err)
	}
	c.conn, err = grpc.NewClient("passthrough:///"+cfg.GRPCAddr,
		grpc.WithTransportCredentials(credentials.NewTLS(tlsConfig.Clone())),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: grpcBackoff, MinConnectTimeout: 5 * time.Second}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}))
	if err != nil {
		return nil, fmt.Errorf("make Consul client: %w", err)
	}
	c.ca = pbconnectca.NewConnectCAServiceClient(c.conn)
	c.session = newSession(c)
	return c, nil
}

// Current implements identity.Source.
func (c *Client) Current() *identity.Identity { return c.identity.Current() }

// Missing says in plain words what the data plane can't work without and doesn't have yet; nil when it has all.
func (c *Client) Missing() error {
	switch {
	case !c.session.loggedIn():
		return errors.New("not logged in to Consul yet")
	case !c.roots.known():
		return errors.New("the mesh's roots aren't known yet")
	case c.Current() == nil:
		return errors.New("no leaf certificate yet")
	case !time.Now().Before(c.Current().Expires()):
		return errors.New("the leaf certificate has expired")
	case !c.intentions.known():
		return errors.New("the intentions aren't known yet")
	}
	return nil
}

// Degraded says which links to Consul are broken at the moment; nil when all is well. The workload goes
// on with what it knows.
func (c *Client) Degraded() error { return c.health.degraded() }

// Run keeps the copy current until ctx ends; nothing that Consul does ends it.
func (c *Client) Run(ctx context.Context) {
	jobs := []func(context.Context){c.session.run, c.watchRoots, c.keepLeaf, c.watchIntentions}
	for name := range c.instances {
		jobs = append(jobs, func(ctx context.Context) { c.watchInstances(ctx, name) })
	}
	var running sync.WaitGroup
	for _, job := range jobs {
		running.Go(func() { job(ctx) })
	}
	running.Wait()
}

// Login keeps a token in force until ctx ends, and nothing else: for a proxy that has the rest from Consul itself.
func (c *Client) Login(ctx context.Context) { c.session.run(ctx) }

// Token waits for the token, and gives a channel that closes when another takes its place.
func (c *Client) Token(ctx context.Context) (token string, changed <-chan struct{}, err error) {
	return c.session.get(ctx)
}

// Refused is told of an error that Consul gave for a token.
func (c *Client) Refused(token string, err error) { c.session.refused(token, err) }

// GRPC is the connection to Consul, which Close closes.
func (c *Client) GRPC() *grpc.ClientConn { return c.conn }

// Close logs out, so that the token doesn't outlive the workload. Run has to have returned.
func (c *Client) Close(ctx context.Context) error {
	err := c.session.close(ctx)
	c.transport.CloseIdleConnections()
	return errors.Join(err, c.conn.Close())
}
