package mesh

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"time"
)

// Certificate is one to make, or a request for one.
type Certificate struct {
	CommonName string   `js:"commonName"`
	URIs       []string `js:"uris"` // SPIFFE IDs
	DNS        []string `js:"dns"`
	IPs        []string `js:"ips"`
	NotBefore  int      `js:"notBefore"` // seconds from now; -60 when 0
	NotAfter   int      `js:"notAfter"`  // seconds from now; 3600 when 0
	IsCA       bool     `js:"isCA"`
	IssuerCert string   `js:"issuerCert"` // PEM; self-signed without one
	IssuerKey  string   `js:"issuerKey"`
	Request    bool     `js:"request"` // a certificate signing request (PKCS #10) instead
}

// Pair is a certificate with its key, both PEM.
type Pair struct {
	Cert string `js:"cert"`
	Key  string `js:"key"`
	CSR  string `js:"csr"`
}

func (i *instance) x509(c Certificate) (*Pair, error) {
	if err := i.guard.Count(); err != nil {
		return nil, err
	}
	private, public, _, err := newKey("EC")
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	pair := &Pair{Key: toPEM("PRIVATE KEY", der)}
	template, err := c.template()
	if err != nil {
		return nil, err
	}
	if c.Request {
		raw, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
			Subject: template.Subject, URIs: template.URIs, DNSNames: template.DNSNames, IPAddresses: template.IPAddresses}, private)
		pair.CSR = toPEM("CERTIFICATE REQUEST", raw)
		return pair, err
	}
	issuer, signer := template, private
	if c.IssuerCert != "" {
		loaded, err := tls.X509KeyPair([]byte(c.IssuerCert), []byte(c.IssuerKey))
		if err != nil {
			return nil, fmt.Errorf("issuer: %w", err)
		}
		if issuer, err = x509.ParseCertificate(loaded.Certificate[0]); err != nil {
			return nil, fmt.Errorf("issuer: %w", err)
		}
		signer = loaded.PrivateKey
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, issuer, public, signer)
	if err != nil {
		return nil, err
	}
	pair.Cert = certificatePEM(raw) + c.IssuerCert
	return pair, nil
}

func (c Certificate) template() (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	if c.NotBefore == 0 {
		c.NotBefore = -60
	}
	if c.NotAfter == 0 {
		c.NotAfter = 3600
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: c.CommonName}, DNSNames: c.DNS,
		NotBefore: time.Now().Add(time.Duration(c.NotBefore) * time.Second), NotAfter: time.Now().Add(time.Duration(c.NotAfter) * time.Second),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	if c.IsCA {
		t.IsCA, t.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	}
	for _, text := range c.URIs {
		u, err := url.Parse(text)
		if err != nil {
			return nil, err
		}
		t.URIs = append(t.URIs, u)
	}
	for _, text := range c.IPs {
		ip := net.ParseIP(text)
		if ip == nil {
			return nil, errors.New("no IP address: " + text)
		}
		t.IPAddresses = append(t.IPAddresses, ip)
	}
	return t, nil
}
