package mesh

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/mesh/internal/accept"
	"redoubt.example/services/platform/mesh/internal/handover"
)

// plaintextMode is what the other modes are measured against: TCP from app to app, and a caller that is believed
// whoever it says it is. It finds its peers as the others do. Nothing here protects anything.
type plaintextMode struct{ *nativeMode }

func newPlaintextMode(ctx context.Context, cfg Config) (*plaintextMode, error) {
	if !cfg.UnsafeLab {
		return nil, &config.Error{Reason: "mesh mode \"plaintext\" has no authentication, no encryption and no intentions; it runs only with REDOUBT_UNSAFE_LAB=1"}
	}
	cfg.Log.Error("UNSAFE: MESH MODE PLAINTEXT: no encryption, no intentions, and every caller is believed; for measuring only")
	n, err := newNativeMode(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &plaintextMode{n}, nil
}

func (p *plaintextMode) listen() (net.Listener, error) {
	return accept.New(p.port, func(ctx context.Context, c net.Conn) (net.Conn, error) {
		stop := context.AfterFunc(ctx, func() { _ = c.Close() })
		defer stop()
		conn, err := believe(c)
		if err != nil {
			_ = c.Close()
			p.cfg.Log.Warn("a connection without a PROXY header", "peer", c.RemoteAddr().String(), "error", err.Error())
		}
		return conn, err
	}), nil
}

// believe takes the caller's word for who it is.
func believe(c net.Conn) (net.Conn, error) {
	if err := c.SetReadDeadline(time.Now().Add(headerTimeout)); err != nil {
		return nil, err
	}
	caller, _, err := handover.Read(c)
	if err != nil {
		return nil, err
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return &callerConn{Conn: c, caller: caller, remote: c.RemoteAddr()}, nil
}

func (p *plaintextMode) dial(ctx context.Context, upstream string) (net.Conn, error) {
	if !slices.Contains(p.cfg.Upstreams, upstream) {
		return nil, fmt.Errorf("%s has no upstream %s in topology.yaml", p.cfg.Workload, upstream)
	}
	id, err := p.id(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach %s: %w", upstream, err)
	}
	c, err := p.connect(ctx, upstream)
	if err != nil {
		return nil, fmt.Errorf("reach %s: %w", upstream, err)
	}
	header, err := handover.Header(id, c.LocalAddr(), c.RemoteAddr())
	if err == nil {
		_, err = c.Write(header)
	}
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("reach %s: %w", upstream, err)
	}
	return c, nil
}

// connect tries the instances in random order, and waits as long as the other modes do while there is none.
func (p *plaintextMode) connect(ctx context.Context, upstream string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	last := errors.New("no healthy instance")
	for {
		addresses, _, _, changed := p.plane.Instances(upstream)
		for _, k := range rand.Perm(len(addresses)) {
			var d net.Dialer
			c, err := d.DialContext(ctx, "tcp", addresses[k])
			if err == nil {
				return c, nil
			}
			last = err
		}
		select {
		case <-ctx.Done():
			return nil, last
		case <-changed:
		case <-time.After(50 * time.Millisecond):
		}
	}
}
