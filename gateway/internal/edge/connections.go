package edge

import (
	"context"
	"net"

	"redoubt.example/gateway/internal/address"
	"redoubt.example/gateway/internal/ratelimit"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
)

// LimitConnections has a network open no more connections than it may send requests: a handshake costs more than most
// requests do, and comes before any of them. What exceeds it is closed before it. Proxies of ours open as many as they need.
func LimitConnections(l net.Listener, cfg Config) net.Listener {
	if cfg.Limits.Address.Unlimited() || !controls.On(controls.EdgeLimitAddress) {
		return l
	}
	return &limitedListener{Listener: l, cfg: cfg, limiter: ratelimit.NewLocal(),
		limit: ratelimit.Limit{Name: "connections", Quota: cfg.Limits.Address}}
}

type limitedListener struct {
	net.Listener
	cfg     Config
	limiter *ratelimit.Local // of this process: accepting waits for nobody
	limit   ratelimit.Limit
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer := conn.RemoteAddr().String()
		from, proxy := l.cfg.Proxies.Peer(peer)
		if proxy || l.limiter.Take(context.Background(), &l.limit, address.Network(from).String(), 1).Allowed {
			return conn, nil
		}
		controls.Record(telemetry.WithLogger(context.Background(), l.cfg.Log), controls.EdgeLimitAddress, controls.Deny,
			"too many connections", "peer", peer, "client", from.String())
		_ = conn.Close()
	}
}
