// Package meshtest has what tests of the mesh share: a CA in memory that also signs what no CA should, and a
// log that can be asked for security events.
package meshtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/spiffe"
)

// TrustDomain is that of all good certificates here.
const TrustDomain = "11111111-2222-3333-4444-555555555555.consul"

// CA signs leaf certificates.
type CA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	Pool *x509.CertPool
}

// NewCA makes a CA.
func NewCA(t testing.TB) *CA {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test root"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	cert := sign(t, template, template, &key.PublicKey, key)
	ca := &CA{cert: cert, key: key, Pool: x509.NewCertPool()}
	ca.Pool.AddCert(cert)
	return ca
}

// Root is the CA's own certificate, DER.
func (ca *CA) Root() []byte { return ca.cert.Raw }

// ID is a service of the test's mesh.
func ID(service string) spiffe.ID {
	return spiffe.ID{TrustDomain: TrustDomain, Datacenter: "dc1", Service: service}
}

// Identity issues a good one.
func (ca *CA) Identity(t testing.TB, service string) *identity.Identity {
	t.Helper()
	return &identity.Identity{ID: ID(service), Leaf: ca.Leaf(t, service), Roots: ca.Pool}
}

// Leaf issues a good certificate for a service, or one that spoil has changed.
func (ca *CA) Leaf(t testing.TB, service string, spoil ...func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key := newKey(t)
	cert := ca.LeafOf(t, service, &key.PublicKey, spoil...)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

// LeafOf is Leaf for somebody who keeps the key.
func (ca *CA) LeafOf(t testing.TB, service string, key *ecdsa.PublicKey, spoil ...func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: serial, URIs: []*url.URL{URI(t, ID(service).String())},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	for _, change := range spoil {
		change(template)
	}
	return sign(t, template, ca.cert, key, ca.key)
}

// SelfSigned makes a certificate that has everything right but the signer.
func SelfSigned(t testing.TB, service string) tls.Certificate {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), URIs: []*url.URL{URI(t, ID(service).String())},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	cert := sign(t, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

// URI parses a URI that the test wrote.
func URI(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func sign(t testing.TB, template, parent *x509.Certificate, key *ecdsa.PublicKey, signer *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, signer)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}
