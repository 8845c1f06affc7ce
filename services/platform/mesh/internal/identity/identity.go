// Package identity has what a workload shows to its peers and checks them with: a leaf, its key and the mesh's roots.
package identity

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync/atomic"
	"time"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/spiffe"
)

// Identity is one generation of a workload's own certificate and of the roots. It never changes; a
// rotation makes another.
type Identity struct {
	ID    spiffe.ID
	Leaf  tls.Certificate // with Leaf.Leaf parsed
	Roots *x509.CertPool

	known verified
}

// Source gives the generation in force; nil as long as there is none.
type Source interface{ Current() *Identity }

// Store is a Source that one goroutine writes and any number read.
type Store struct{ current atomic.Pointer[Identity] }

// Current implements Source.
func (s *Store) Current() *Identity { return s.current.Load() }

// Set puts a new generation in force.
func (s *Store) Set(id *Identity) { s.current.Store(id) }

// Expires tells when the own leaf ends.
func (i *Identity) Expires() time.Time { return i.Leaf.Leaf.NotAfter }

// Verify checks a peer's certificates, leaf first (X.509-SVID, section 5): chain to the roots at this
// moment, exactly one SPIFFE URI, our trust domain and datacenter. The error is a *Refusal.
func (i *Identity) Verify(chain []*x509.Certificate, usage x509.ExtKeyUsage) (spiffe.ID, error) {
	if len(chain) == 0 {
		return spiffe.ID{}, &Refusal{Control: controls.MeshMTLS, Reason: "no certificate"}
	}
	if id, ok := i.known.get(chain, usage); ok {
		return id, nil
	}
	leaf := chain[0]
	claimed, idErr := Claimed(leaf) // for the record only, until the chain is checked
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	paths, err := leaf.Verify(x509.VerifyOptions{Roots: i.Roots, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{usage}})
	if !controls.On(controls.MeshMTLS) { // whoever made the certificate
		err, paths = nil, [][]*x509.Certificate{{leaf}}
	}
	switch {
	case err != nil:
		return spiffe.ID{}, &Refusal{Control: controls.MeshMTLS, Reason: chainReason(err), Caller: claimed, Err: err}
	case (leaf.IsCA || leaf.KeyUsage&(x509.KeyUsageCertSign|x509.KeyUsageCRLSign) != 0) && controls.On(controls.MeshMTLS):
		return spiffe.ID{}, &Refusal{Control: controls.MeshMTLS, Reason: "a CA's certificate as a leaf", Caller: claimed}
	case idErr != nil:
		return spiffe.ID{}, &Refusal{Control: controls.MeshSPIFFE, Reason: idErr.Error()}
	case !controls.On(controls.MeshSPIFFE): // whatever it names
	case claimed.TrustDomain != i.ID.TrustDomain:
		return spiffe.ID{}, &Refusal{Control: controls.MeshSPIFFE, Reason: "another trust domain", Caller: claimed}
	case claimed.Datacenter != i.ID.Datacenter:
		return spiffe.ID{}, &Refusal{Control: controls.MeshSPIFFE, Reason: "another datacenter", Caller: claimed}
	}
	i.known.put(chain, usage, paths[0], claimed)
	return claimed, nil
}

// Claimed returns the only URI of a certificate as an ID; with mesh.spiffe off, the first of several.
func Claimed(c *x509.Certificate) (spiffe.ID, error) {
	if n := len(c.URIs); n == 0 || n > 1 && controls.On(controls.MeshSPIFFE) {
		return spiffe.ID{}, fmt.Errorf("%d URIs in the certificate, and not exactly one", n)
	}
	return spiffe.Parse(c.URIs[0].String())
}
