package mesh

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
)

// TLS is how a script speaks it. Without ca and insecure nobody is trusted.
type TLS struct {
	CA         string   `js:"ca"`   // PEM
	Cert       string   `js:"cert"` // PEM, with its chain
	Key        string   `js:"key"`  // PEM
	ServerName string   `js:"serverName"`
	Insecure   bool     `js:"insecure"` // an attacker doesn't care whom he reaches
	MaxVersion string   `js:"maxVersion"`
	ALPN       []string `js:"alpn"`
}

var versions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13, "": tls.VersionTLS13}

func (t TLS) config(address string) (*tls.Config, error) {
	version, ok := versions[t.MaxVersion]
	if !ok {
		return nil, fmt.Errorf("there is no TLS %q", t.MaxVersion)
	}
	c := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: t.ServerName, InsecureSkipVerify: t.Insecure, //nolint:gosec // what attackers do
		MinVersion: tls.VersionTLS10, MaxVersion: version, NextProtos: t.ALPN}
	if c.ServerName == "" {
		c.ServerName, _, _ = net.SplitHostPort(address)
	}
	if t.CA != "" && !c.RootCAs.AppendCertsFromPEM([]byte(t.CA)) {
		return nil, errors.New("tls.ca is no PEM certificate")
	}
	if t.Cert != "" {
		pair, err := tls.X509KeyPair([]byte(t.Cert), []byte(t.Key))
		if err != nil {
			return nil, fmt.Errorf("tls.cert: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
		// Sent whether or not the server's list of authorities names its issuer.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return c, nil
}

// open dials, sends a prefix in plaintext where there is one, and then speaks TLS where that is asked for.
func (i *instance) open(ctx context.Context, address string, prefix []byte, t *TLS) (net.Conn, error) {
	conn, err := i.guard.dial(ctx, address)
	if err != nil {
		return nil, err
	}
	if until, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(until)
	}
	if len(prefix) > 0 {
		if _, err := conn.Write(prefix); err != nil {
			conn.Close()
			return nil, err
		}
	}
	if t == nil {
		return conn, nil
	}
	config, err := t.config(address)
	if err != nil {
		conn.Close()
		return nil, &refusal{err}
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return &failedConn{conn}, err // its address is evidence
	}
	return secured, nil
}

// failedConn is a connection whose handshake failed: its caller notes the address and closes it.
type failedConn struct{ net.Conn }

// localAddr is what the other side saw of us.
func localAddr(c net.Conn) string {
	if c == nil || c.LocalAddr() == nil {
		return ""
	}
	return c.LocalAddr().String()
}
