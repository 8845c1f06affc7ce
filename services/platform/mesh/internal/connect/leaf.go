package connect

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"github.com/hashicorp/consul/proto-public/pbconnectca"

	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/spiffe"
)

// signsWithin is how long Consul may take until it signs with the root that it calls active.
const signsWithin = 15 * time.Second

var errOtherRoot = errors.New("consul signs below another root than the one that it calls active")

// keepLeaf puts an identity in force, and another whenever the leaf is past half of its life or the
// roots have changed.
//
// Consul tells of a new root before it signs with it (agent/consul/leader_connect_ca.go: setCAProvider comes after the commit), so a leaf asked
// for at once may still be below the old one, and would be until half of its life is over. It is used, and asked for again. One that Consul still signs
// that way after signsWithin is a broken link, and then asked for once a minute.
func (c *Client) keepLeaf(ctx context.Context) {
	attempts := newRetry()
	var leaf *tls.Certificate
	var renewAt time.Time
	var signedUnder string  // the root that was active when the leaf was signed
	var lateSince time.Time // when a leaf first came that is below another root
	for {
		r, known, changed := c.roots.load()
		if !known {
			if !sleep(ctx, time.Hour, changed) {
				return
			}
			continue
		}
		asked := c.renewals.take()
		if leaf != nil && c.Current().Roots != r.pool { // trust the new roots at once; the leaf follows
			c.identity.Set(&identity.Identity{ID: c.id(r), Leaf: *leaf, Roots: r.pool})
		}
		if leaf == nil || signedUnder != r.active || len(asked) > 0 || !time.Now().Before(renewAt) {
			fresh, err := c.signLeaf(ctx, r)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				lateSince = time.Time{}
				c.health.report("leaf", err)
				answer(asked, err)
				if !attempts.pause(ctx, changed) {
					return
				}
				continue
			}
			if signedUnder != r.active {
				lateSince = time.Time{}
			}
			leaf, signedUnder, renewAt = fresh, r.active, renewal(fresh.Leaf)
			switch {
			case r.signed(fresh, c.id(r)):
				attempts.reset()
				lateSince = time.Time{}
			case lateSince.IsZero():
				lateSince = time.Now()
				renewAt = attempts.next()
			case time.Since(lateSince) < signsWithin:
				renewAt = attempts.next()
			default:
				err = errOtherRoot
				renewAt = time.Now().Add(4 * signsWithin)
			}
			c.health.report("leaf", err)
			c.identity.Set(&identity.Identity{ID: c.id(r), Leaf: *leaf, Roots: r.pool})
			answer(asked, nil)
			c.cfg.Log.Info("leaf certificate signed", "not_after", leaf.Leaf.NotAfter, "serial", leaf.Leaf.SerialNumber.Text(16))
		}
		if !sleep(ctx, time.Until(renewAt), changed) {
			return
		}
	}
}

func (c *Client) id(r *roots) spiffe.ID {
	return spiffe.ID{TrustDomain: r.trustDomain, Datacenter: c.cfg.Datacenter, Service: c.cfg.Service}
}

// signLeaf makes a key that never leaves the process and has Consul's CA sign its certificate.
func (c *Client) signLeaf(ctx context.Context, r *roots) (*tls.Certificate, error) {
	token, _, err := c.session.get(ctx)
	if err != nil {
		return nil, err
	}
	id := c.id(r)
	key, csr, err := newRequest(id)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	resp, err := c.ca.Sign(withToken(ctx, token), &pbconnectca.SignRequest{Csr: string(csr)})
	if err != nil {
		c.session.refused(token, err)
		return nil, fmt.Errorf("sign leaf: %w", err)
	}
	return parseLeaf([]byte(resp.CertPem), key, &identity.Identity{ID: id, Roots: r.pool})
}

func newRequest(id spiffe.ID) (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make leaf key: %w", err)
	}
	uri, err := url.Parse(id.String())
	if err != nil {
		return nil, nil, fmt.Errorf("make leaf request: %w", err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{URIs: []*url.URL{uri}}, key)
	if err != nil {
		return nil, nil, fmt.Errorf("make leaf request: %w", err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}

// parseLeaf takes a signed leaf only if peers will: for our key, with exactly our ID, under the known roots.
func parseLeaf(chain []byte, key *ecdsa.PrivateKey, as *identity.Identity) (*tls.Certificate, error) {
	cert := &tls.Certificate{PrivateKey: key}
	var parsed []*x509.Certificate
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("sign leaf: %w", err)
		}
		parsed, cert.Certificate = append(parsed, c), append(cert.Certificate, block.Bytes)
	}
	got, err := as.Verify(parsed, x509.ExtKeyUsageClientAuth)
	if err != nil {
		return nil, fmt.Errorf("sign leaf: Consul's answer is no use: %w", err)
	}
	if got != as.ID || !key.PublicKey.Equal(parsed[0].PublicKey) {
		return nil, fmt.Errorf("sign leaf: Consul's answer is for %s", got)
	}
	cert.Leaf = parsed[0]
	return cert, nil
}

// renewal is at half of a certificate's life and up to a tenth more, so that a fleet started at one time spreads out.
func renewal(leaf *x509.Certificate) time.Time {
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	jitter := time.Duration(0)
	if n, err := rand.Int(rand.Reader, big.NewInt(int64(life/10)+1)); err == nil {
		jitter = time.Duration(n.Int64())
	}
	return leaf.NotBefore.Add(life/2 + jitter)
}
