package tunnel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/spiffe"
)

// How long Dial waits for what isn't there. Callers give up after two seconds, so an answer, if only that
// there is none, has to come before; but an instance that restarts is back in a moment.
const (
	patienceEmpty   = time.Second             // the catalog has no healthy instance
	patienceFailing = 1500 * time.Millisecond // it has some, and none can be reached
	patienceUnknown = 2 * time.Second         // nothing is known yet: we have only just started
)

const (
	connectTimeout = time.Second            // for one instance, handshake included
	detourTimeout  = 400 * time.Millisecond // the same while there are others to turn to
)

// Instances tells where an upstream can be reached, where it hangs, and whether that is known at all, and gives a
// channel that closes when it changes.
type Instances func(upstream string) (healthy, hung []string, known bool, changed <-chan struct{})

// Client makes mesh connections to upstreams.
type Client struct {
	identity  identity.Source
	instances Instances
	configs   configs
	log       *slog.Logger
	metrics   *Metrics
	wake      chan struct{} // wakes Run

	mu        sync.Mutex
	upstreams map[string]*upstream
}

// NewClient returns a client that finds its peers with instances.
func NewClient(source identity.Source, instances Instances, log *slog.Logger, m *Metrics) *Client {
	c := &Client{identity: source, instances: instances, log: log, metrics: m, wake: make(chan struct{}, 1),
		upstreams: map[string]*upstream{}}
	c.configs.build = func(id *identity.Identity, key string) *tls.Config {
		want := spiffe.ID{TrustDomain: id.ID.TrustDomain, Datacenter: id.ID.Datacenter, Service: upstreamOf(key)}
		return clientConfig(id, want)
	}
	return c
}

// Conn is a mesh connection to an instance of an upstream, which counts it as open until release.
type Conn struct {
	*peer
	own      *identity.Identity
	born     time.Time
	client   *Client
	upstream *upstream
	instance *instance
}

// Dial gives a connection to the instance with the fewest: one that was made ahead, when there is one. While none can
// be had it tries again, because an instance that restarts is back in a moment, but not for as long as callers wait.
func (c *Client) Dial(ctx context.Context, name string) (*Conn, error) {
	u := c.upstream(name)
	u.wanted()
	defer c.poke()
	began, last := time.Now(), errors.New("no healthy instance")
	for pause := 25 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		addresses, hung, known, changed := c.instances(name)
		u.sync(addresses, hung)
		conn, err := c.attempt(ctx, u)
		if err == nil {
			return conn, nil
		}
		patience := patienceFailing
		switch {
		case !known:
			patience = patienceUnknown
		case len(addresses) == 0:
			patience = patienceEmpty
		}
		if !errors.Is(err, errNoInstance) {
			last = err
		}
		left := patience - time.Since(began)
		if left <= 0 {
			return nil, fmt.Errorf("reach %s: %w", name, last)
		}
		timer := time.NewTimer(min(pause, left))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("reach %s: %w", name, last)
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// attempt tries every instance once, best first; a failure turns to the next at once.
func (c *Client) attempt(ctx context.Context, u *upstream) (*Conn, error) {
	last := errNoInstance
	for tried := []*instance(nil); ; {
		i, spare, others := u.choose(tried)
		if i == nil {
			return nil, last
		}
		if spare != nil {
			if c.good(spare) {
				return spare, nil
			}
			u.release(i)
			continue
		}
		conn, err := c.dialInstance(ctx, u, i, others)
		if err == nil {
			return conn, nil
		}
		u.release(i)
		if ctx.Err() != nil {
			return nil, err
		}
		u.fail(i)
		last, tried = err, append(tried, i)
	}
}

func (c *Client) dialInstance(ctx context.Context, u *upstream, i *instance, others bool) (*Conn, error) {
	id := c.identity.Current()
	if id == nil {
		return nil, errors.New("no certificate of our own yet")
	}
	timeout := connectTimeout
	if others {
		timeout = detourTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	dialer := net.Dialer{KeepAliveConfig: keepAlive, Control: boundUnacknowledged}
	tcp, err := dialer.DialContext(ctx, "tcp", i.address)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	p, err := c.secure(ctx, tcp, id, configKey(u.name, i.address))
	if err != nil {
		recordRefusal(err, c.log, c.metrics, outbound, i.address)
		_ = tcp.Close()
		return nil, err
	}
	c.metrics.handshake(outbound, began, p.resumed)
	u.succeed(i)
	return &Conn{peer: p, own: id, born: time.Now(), client: c, upstream: u, instance: i}, nil
}

func (c *Client) secure(ctx context.Context, tcp net.Conn, id *identity.Identity, key string) (*peer, error) {
	w, err := newWire(tcp)
	if err != nil {
		return nil, err
	}
	conn := &secured{Conn: tls.Client(w, c.configs.get(id, key)), wire: w}
	if err := conn.handshake(ctx); err != nil {
		return nil, err
	}
	return newPeer(conn, id, outbound), nil
}

func (c *Client) upstream(name string) *upstream {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.upstreams[name]
	if u == nil {
		u = newUpstream(name)
		c.upstreams[name] = u
	}
	return u
}

// A session of one instance can't be resumed with another, so each has a configuration and cache of its own.
func configKey(upstream, address string) string { return upstream + " " + address }

func upstreamOf(key string) string {
	upstream, _, _ := strings.Cut(key, " ")
	return upstream
}
