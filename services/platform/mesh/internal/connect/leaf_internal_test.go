package connect

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
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
	late      int64
	signed    atomic.Int64
}

func (c *consulCA) Sign(_ context.Context, req *pbconnectca.SignRequest, _ ...grpc.CallOption) (*pbconnectca.SignResponse, error) {
	block, _ := pem.Decode([]byte(req.Csr))
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	require.NoError(c.t, err)
	signer := c.next
	if c.signed.Add(1) <= c.late {
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
	old, next := meshtest.NewCA(t), meshtest.NewCA(t)
	ca := &consulCA{t: t, old: old, next: next, late: 3}
	id := meshtest.ID("payments")
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	c := &Client{cfg: Config{Service: id.Service, Datacenter: id.Datacenter, Log: log}, health: newHealth(log), roots: newLatest[*roots](), ca: ca}
	c.session = newSession(c)
	c.session.token.store("token")
	r, err := parseRoots(&pbconnectca.WatchRootsResponse{TrustDomain: id.TrustDomain, ActiveRootId: "next", Roots: []*pbconnectca.CARoot{root("old", old), root("next", next)}})
	require.NoError(t, err)
	c.roots.store(r)

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); c.keepLeaf(ctx) }()
	defer func() { stop(); <-ended }()
	below := func(ca *meshtest.CA) bool {
		now := c.Current()
		if now == nil {
			return false
		}
		_, err := now.Leaf.Leaf.Verify(x509.VerifyOptions{Roots: ca.Pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		return err == nil
	}
	require.Eventually(t, func() bool { return below(old) || below(next) }, 10*time.Second, time.Millisecond, "it has one meanwhile")
	require.Eventually(t, func() bool { return below(next) }, 20*time.Second, 5*time.Millisecond)
	settled := ca.signed.Load()
	require.Equal(t, ca.late+1, settled)
	time.Sleep(300 * time.Millisecond)
	require.Equal(t, settled, ca.signed.Load(), "it asks for no more")
}
