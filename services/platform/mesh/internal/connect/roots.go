package connect

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/hashicorp/consul/proto-public/pbconnectca"
	"google.golang.org/grpc/metadata"

	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/spiffe"
)

// roots is one state of the mesh's CA: all roots that are trusted, the one that signs now among them.
type roots struct {
	trustDomain string
	active      string
	pool        *x509.CertPool
	signing     *x509.CertPool // the active root alone
}

// signed tells whether a leaf is below the active root.
func (r *roots) signed(leaf *tls.Certificate, as spiffe.ID) bool {
	chain := make([]*x509.Certificate, len(leaf.Certificate))
	for i, der := range leaf.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return false
		}
		chain[i] = c
	}
	_, err := (&identity.Identity{ID: as, Roots: r.signing}).Verify(chain, x509.ExtKeyUsageClientAuth)
	return err == nil
}

func (c *Client) watchRoots(ctx context.Context) {
	attempts := newRetry()
	for {
		token, changed, err := c.session.get(ctx)
		if err != nil {
			return
		}
		err = c.streamRoots(ctx, token, func() { attempts.reset(); c.health.report("roots", nil) })
		switch {
		case ctx.Err() != nil:
			return
		case isClosed(changed): // the stream ended with the token that it was opened with
			continue
		}
		c.session.refused(token, err)
		c.health.report("roots", err)
		if !attempts.pause(ctx, changed) {
			return
		}
	}
}

func (c *Client) streamRoots(ctx context.Context, token string, received func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.ca.WatchRoots(withToken(ctx, token), &pbconnectca.WatchRootsRequest{})
	if err != nil {
		return fmt.Errorf("watch roots: %w", err)
	}
	for {
		resp, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("watch roots: %w", err)
		}
		r, err := parseRoots(resp)
		if err != nil {
			return err
		}
		c.roots.store(r)
		received()
	}
}

func parseRoots(resp *pbconnectca.WatchRootsResponse) (*roots, error) {
	r := &roots{trustDomain: resp.TrustDomain, active: resp.ActiveRootId, pool: x509.NewCertPool(), signing: x509.NewCertPool()}
	if r.trustDomain == "" || len(resp.Roots) == 0 {
		return nil, errors.New("watch roots: Consul's CA isn't ready")
	}
	for _, root := range resp.Roots {
		if !r.pool.AppendCertsFromPEM([]byte(root.RootCert)) {
			return nil, fmt.Errorf("watch roots: root %s isn't a certificate", root.Id)
		}
		if root.Id == r.active {
			r.signing.AppendCertsFromPEM([]byte(root.RootCert))
		}
	}
	return r, nil
}

func withToken(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "x-consul-token", token)
}
