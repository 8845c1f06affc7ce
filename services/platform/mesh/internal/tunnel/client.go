package tunnel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/spiffe"
)

const (
	dialTimeout    = 5 * time.Second // for a mesh connection, waiting for an instance included
	connectTimeout = time.Second     // for one instance
)

// Instances tells where an upstream can be reached, and gives a channel that closes when that changes.
type Instances func(upstream string) (addresses []string, changed <-chan struct{})

// Client makes mesh connections to upstreams.
type Client struct {
	identity  identity.Source
	instances Instances
	configs   configs
	log       *slog.Logger
	metrics   *Metrics
	turn      atomic.Uint64
}

// NewClient returns a client that finds its peers with instances.
func NewClient(source identity.Source, instances Instances, log *slog.Logger, m *Metrics) *Client {
	c := &Client{identity: source, instances: instances, log: log, metrics: m}
	c.configs.build = func(id *identity.Identity, key string) *tls.Config {
		want := spiffe.ID{TrustDomain: id.ID.TrustDomain, Datacenter: id.ID.Datacenter, Service: upstreamOf(key)}
		return clientConfig(id, want)
	}
	return c
}

// Dial connects to one of the upstream's instances, taking them in turn. While none can be reached it
// tries again, because one that restarts is back in a moment; it gives up after five seconds or with ctx.
func (c *Client) Dial(ctx context.Context, upstream string) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	last := errors.New("no healthy instance")
	for pause := 25 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		addresses, changed := c.instances(upstream)
		first := c.turn.Add(1)
		for i := range addresses {
			conn, err := c.dialInstance(ctx, upstream, addresses[(first+uint64(i))%uint64(len(addresses))])
			if err == nil {
				return conn, nil
			}
			last = err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("reach %s: %w", upstream, last)
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (c *Client) dialInstance(ctx context.Context, upstream, address string) (*tls.Conn, error) {
	id := c.identity.Current()
	if id == nil {
		return nil, errors.New("no certificate of our own yet")
	}
	dialer := net.Dialer{Timeout: connectTimeout, KeepAliveConfig: keepAlive, Control: boundUnacknowledged}
	tcp, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	conn := tls.Client(tcp, c.configs.get(id, configKey(upstream, address)))
	if err := conn.HandshakeContext(ctx); err != nil {
		recordRefusal(err, c.log, c.metrics, outbound, address)
		_ = tcp.Close()
		return nil, err
	}
	c.metrics.handshake(outbound, began, conn.ConnectionState().DidResume)
	return conn, nil
}

// A session of one instance can't be resumed with another, so each has a configuration and cache of its own.
func configKey(upstream, address string) string { return upstream + " " + address }

func upstreamOf(key string) string {
	upstream, _, _ := strings.Cut(key, " ")
	return upstream
}
