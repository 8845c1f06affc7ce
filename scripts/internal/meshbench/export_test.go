package meshbench

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
)

// Port is a row's port for peers, for one who may enter and for those who mayn't.
type Port struct {
	Good bench.Target
	Bad  map[string]bench.Target
}

// PortsForTest sets all rows up until the test ends.
func PortsForTest(t *testing.T, cfg Config) map[string]Port {
	r, err := newRig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.close()) })
	rows, _, err := r.rows(t.Context())
	require.NoError(t, err)
	ports := map[string]Port{}
	for _, row := range rows {
		if row.mTLS == "" {
			continue
		}
		l, err := r.sign(t.Context(), row.caller)
		require.NoError(t, err)
		good, err := l.client()
		require.NoError(t, err)
		nobody, stranger, old := good.Clone(), good.Clone(), good.Clone()
		nobody.Certificates = nil
		stranger.Certificates = []tls.Certificate{forged(t, good.Certificates[0].Leaf.URIs[0])}
		old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		as := func(config *tls.Config) bench.Target {
			return bench.Target{Name: row.target.Name, Dial: func(ctx context.Context) (net.Conn, error) {
				return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", row.mTLS)
			}}
		}
		port := Port{Good: as(good), Bad: map[string]bench.Target{"no certificate": as(nobody), "self-signed": as(stranger)}}
		if row.target.Name != "consul-proxy" { // it takes 1.2 from those who have nothing better
			port.Bad["TLS 1.2"] = as(old)
		}
		ports[row.target.Name] = port
	}
	return ports
}

// forged is a certificate with the right SPIFFE ID that nobody signed.
func forged(t *testing.T, id *url.URL) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), URIs: []*url.URL{id},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
