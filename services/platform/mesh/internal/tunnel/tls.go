package tunnel

import (
	"crypto/tls"
	"crypto/x509"
	"sync"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/spiffe"
)

// TLS configurations belong to one generation of the identity. Each has its own ticket keys or session
// cache, so nothing of an old generation, root or leaf, is resumed under a new one: a session that
// couldn't be verified any more would otherwise fail instead of falling back to a full handshake.
type configs struct {
	build func(id *identity.Identity, key string) *tls.Config

	mu  sync.Mutex
	of  *identity.Identity
	all map[string]*tls.Config
}

// maxConfigs bounds the session caches kept for instances that come and go.
const maxConfigs = 256

func (c *configs) get(id *identity.Identity, key string) *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of != id || len(c.all) > maxConfigs {
		c.of, c.all = id, map[string]*tls.Config{}
	}
	cfg := c.all[key]
	if cfg == nil {
		cfg = c.build(id, key)
		c.all[key] = cfg
	}
	return cfg
}

// serverConfig checks the client in VerifyConnection: resumption skips VerifyPeerCertificate, and what
// ClientCAs and ClientAuth check on resumption is what was true at the first handshake.
func serverConfig(id *identity.Identity, authorize func(spiffe.ID) error) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{id.Leaf},
		ClientAuth:   tls.RequireAnyClientCert,
		// Records as large as they may be: a relay writes what it has at once, and each record costs a system call.
		DynamicRecordSizingDisabled: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			caller, err := id.Verify(s.PeerCertificates, x509.ExtKeyUsageClientAuth)
			if err != nil {
				return err
			}
			return authorize(caller)
		},
	}
}

// clientConfig accepts exactly one peer. The server name is Consul's for the upstream (Envoy routes by it);
// certificates of the mesh have no DNS names, hence the check by SPIFFE ID alone.
func clientConfig(id *identity.Identity, want spiffe.ID) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		ServerName:         want.Service + ".default." + want.Datacenter + ".internal." + want.TrustDomain,
		InsecureSkipVerify: true, // VerifyConnection below does it all, on resumption too
		ClientSessionCache: tls.NewLRUClientSessionCache(8),
		// As in serverConfig.
		DynamicRecordSizingDisabled: true,
		// Always ours, whatever CAs the server names.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &id.Leaf, nil },
		VerifyConnection: func(s tls.ConnectionState) error {
			got, err := id.Verify(s.PeerCertificates, x509.ExtKeyUsageServerAuth)
			if err != nil {
				return err
			}
			if got != want && controls.On(controls.MeshSPIFFE) {
				return &identity.Refusal{Control: controls.MeshSPIFFE, Reason: "another service answered than " + want.Service, Caller: got}
			}
			return nil
		},
	}
}

func peerID(s tls.ConnectionState) spiffe.ID {
	id, _ := identity.Claimed(s.PeerCertificates[0]) // verified by VerifyConnection
	return id
}
