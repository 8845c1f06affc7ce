package connect

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/consul/proto-public/pbconnectca"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"redoubt.example/services/platform/mesh/internal/meshtest"
)

// consulCA signs with old for as many requests as it is late, and with its successor then.
type consulCA struct {
	pbconnectca.ConnectCAServiceClient
	t         *testing.T
	old, next *meshtest.CA
	late      atomic.Int64
	signed    atomic.Int64
}

func (c *consulCA) Sign(_ context.Context, req *pbconnectca.SignRequest, _ ...grpc.CallOption) (*pbconnectca.SignResponse, error) {
	block, _ := pem.Decode([]byte(req.Csr))
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	require.NoError(c.t, err)
	signer := c.next
	if c.signed.Add(1) <= c.late.Load() {
		signer = c.old
	}
	leaf := signer.LeafOf(c.t, "payments", csr.PublicKey.(*ecdsa.PublicKey))
	return &pbconnectca.SignResponse{CertPem: string(pemOf(leaf.Raw))}, nil
}

func root(id string, ca *meshtest.CA) *pbconnectca.CARoot {
	return &pbconnectca.CARoot{Id: id, RootCert: string(pemOf(ca.Root()))}
}

func pemOf(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// TestRootThatDoesNotSignYet: Consul tells of a root before it signs with it. The leaf that is below the old one until then is replaced at once,
// and not at half of its life.
func TestRootThatDoesNotSignYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, ca := clientOf(t, 3)
		time.Sleep(time.Millisecond)
		require.True(t, below(c, ca.old), "it has one meanwhile")
		time.Sleep(2 * time.Second)
		require.True(t, below(c, ca.next))
		require.NoError(t, c.Degraded())
		require.Equal(t, ca.late.Load()+1, ca.signed.Load())
		time.Sleep(time.Minute)
		require.Equal(t, ca.late.Load()+1, ca.signed.Load(), "it asks for no more")
	})
}

// TestRootThatNeverSigns: that is said, and Consul isn't asked for ever more.
func TestRootThatNeverSigns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, ca := clientOf(t, 1<<30)
		time.Sleep(signsWithin - time.Second)
		require.NoError(t, c.Degraded(), "not yet")
		time.Sleep(5 * time.Second)
		require.ErrorContains(t, c.Degraded(), "another root")
		require.True(t, below(c, ca.old), "it has one all the same")
		asked := ca.signed.Load()
		time.Sleep(10 * time.Minute)
		require.LessOrEqual(t, ca.signed.Load(), asked+10)

		ca.late.Store(0) // it does at last
		time.Sleep(time.Minute)
		require.NoError(t, c.Degraded())
	})
}

// clientOf is a client whose CA signs below the active root, "next", once it was asked as often as it is late. Its leaf is kept until the test ends.
func clientOf(t *testing.T, late int64) (*Client, *consulCA) {
	old, next := meshtest.NewCA(t), meshtest.NewCA(t)
	ca := &consulCA{t: t, old: old, next: next}
	ca.late.Store(late)
	id := meshtest.ID("payments")
	log := slog.New(slog.DiscardHandler)
	c := &Client{cfg: Config{Service: id.Service, Datacenter: id.Datacenter, Log: log}, health: newHealth(log), roots: newLatest[*roots](), ca: ca}
	c.session = newSession(c)
	c.session.token.store("token")
	r, err := parseRoots(&pbconnectca.WatchRootsResponse{TrustDomain: id.TrustDomain, ActiveRootId: "next", Roots: []*pbconnectca.CARoot{root("old", old), root("next", next)}})
	require.NoError(t, err)
	c.roots.store(r)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); c.keepLeaf(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return c, ca
}

// below tells whether the leaf in use is below a CA.
func below(c *Client, ca *meshtest.CA) bool {
	now := c.Current()
	if now == nil {
		return false
	}
	_, err := now.Leaf.Leaf.Verify(x509.VerifyOptions{Roots: ca.Pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return err == nil
}
