// Package egress sends webhooks to the outside world, and nowhere else: which address a connection goes to is checked
// when it is made, after every name was resolved.
package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"redoubt.example/services/notification/internal/webhook"
)

const (
	timeout     = 5 * time.Second // of an attempt as a whole
	maxHeader   = 16 << 10
	maxResponse = 4 << 10 // read so that the peer sees its answer taken, and thrown away
)

// Config is what a client is made of; only Targets is needed.
type Config struct {
	Targets  webhook.Targets
	Resolver *net.Resolver  // nil = the system's
	Roots    *x509.CertPool // nil = the system's
}

// Client implements webhook.Sender.
type Client struct{ http *http.Client }

// New returns a client. It uses no proxy, follows no redirect and keeps no connection: each attempt is checked anew.
func New(cfg Config) *Client {
	return &Client{&http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // the environment's would do the dialling, unchecked
			DialContext:            cfg.dial,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeader,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.Roots},
		},
	}}
}

// Send implements webhook.Sender.
func (c *Client) Send(ctx context.Context, r webhook.Request) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return 0, fmt.Errorf("send webhook: %w", withoutURL(err))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Redoubt-Webhooks/1")
	req.Header.Set(webhook.HeaderID, r.ID)
	req.Header.Set(webhook.HeaderTimestamp, r.Timestamp)
	req.Header.Set(webhook.HeaderSignature, r.Signature)
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("send webhook: %w", withoutURL(err))
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxResponse) // the status is the answer
	_ = resp.Body.Close()
	return resp.StatusCode, nil
}

// withoutURL drops the URL that net/http puts into its errors: people put tokens there, and errors are logged.
func withoutURL(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}

// dial connects to a URL's host:port. Unless an operator allows just that, every address that it resolves to is
// checked in the moment of connecting, so that a name that changes its mind changes nothing.
func (cfg Config) dial(ctx context.Context, network, hostPort string) (net.Conn, error) {
	dialer := net.Dialer{Resolver: cfg.Resolver}
	if !cfg.Targets.Allowed(hostPort) {
		dialer.ControlContext = func(_ context.Context, network, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil || (network != "tcp4" && network != "tcp6") {
				return fmt.Errorf("%w: a malformed address", webhook.ErrTarget)
			}
			return cfg.Targets.CheckAddress(to)
		}
	}
	return dialer.DialContext(ctx, network, hostPort)
}
