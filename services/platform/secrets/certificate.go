package secrets

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// CertificateSource is a server certificate that is replaced, with a new key, at half of its life.
type CertificateSource struct {
	vault   *Vault
	path    string
	names   []string
	ips     []net.IP
	current atomic.Pointer[tls.Certificate]
}

// ServerCertificate has a role of a PKI mount sign a certificate for the names and addresses. The key is made
// here and never leaves the process. The source is renewed until Close.
func (v *Vault) ServerCertificate(ctx context.Context, mount, role string, names []string, ips []net.IP) (*CertificateSource, error) {
	if len(names) == 0 {
		return nil, errors.New("get certificate: a name is needed")
	}
	s := &CertificateSource{vault: v, path: mount + "/sign/" + role, names: names, ips: ips}
	if err := v.persist(ctx, s.next); err != nil {
		return nil, err
	}
	v.keep(s)
	v.work.Go(s.renew)
	return s, nil
}

// GetCertificate is for tls.Config. Past the certificate's end it fails, and the handshake with it.
func (s *CertificateSource) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	cert := s.current.Load()
	if !time.Now().Before(cert.Leaf.NotAfter) {
		return nil, errors.New("the server's certificate has expired")
	}
	return cert, nil
}

func (s *CertificateSource) next(ctx context.Context) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("get certificate: %w", err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: s.names[0]}, DNSNames: s.names, IPAddresses: s.ips,
	}, key)
	if err != nil {
		return fmt.Errorf("get certificate: %w", err)
	}
	request := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}))
	secret, err := s.vault.do(ctx, write(s.path, map[string]any{"csr": request, "common_name": s.names[0]}))
	if err != nil {
		return fmt.Errorf("get certificate from %s: %w", s.path, err)
	}
	cert := &tls.Certificate{PrivateKey: key}
	text, _ := secret.Data["certificate"].(string)
	if err := appendDER(cert, text); err != nil {
		return err
	}
	if cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
		return fmt.Errorf("get certificate: %w", err)
	}
	// The issuing CA goes along; the root, which ends the chain, is what clients have already.
	chain, _ := secret.Data["ca_chain"].([]any)
	for _, link := range chain {
		text, _ := link.(string)
		if err := appendCA(cert, text); err != nil {
			return err
		}
	}
	s.current.Store(cert)
	return nil
}

func appendDER(cert *tls.Certificate, text string) error {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return errors.New("get certificate: Vault's answer is not PEM")
	}
	cert.Certificate = append(cert.Certificate, block.Bytes)
	return nil
}

func appendCA(cert *tls.Certificate, text string) error {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return errors.New("get certificate: Vault's answer is not PEM")
	}
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fmt.Errorf("get certificate: %w", err)
	}
	if ca.CheckSignatureFrom(ca) == nil {
		return nil
	}
	cert.Certificate = append(cert.Certificate, block.Bytes)
	return nil
}

func (s *CertificateSource) renew() {
	for {
		leaf := s.current.Load().Leaf
		half := leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)
		if wait := time.Until(half); wait > 0 {
			if !s.vault.sleep(wait, nil) {
				return
			}
			continue // it may have been replaced meanwhile
		}
		if !s.vault.insist("get a certificate from "+s.path, s.next) {
			return
		}
	}
}

func (s *CertificateSource) held() []Held {
	leaf := s.current.Load().Leaf
	return []Held{{Kind: KindCertificate, Name: s.path, ID: fmt.Sprintf("%x", leaf.SerialNumber), Began: leaf.NotBefore, Expires: leaf.NotAfter}}
}

func (s *CertificateSource) replace(ctx context.Context) error { return s.next(ctx) }

func (s *CertificateSource) describe() string { return "certificate from " + s.path }

func (s *CertificateSource) expiry() time.Time { return s.current.Load().Leaf.NotAfter }

// revoke does nothing: Vault keeps no list of these certificates, they live an hour, and the key ends with us.
func (s *CertificateSource) revoke(context.Context) error { return nil }
