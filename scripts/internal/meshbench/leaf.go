package meshbench

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"sync"

	consul "github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/proto-public/pbconnectca"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// peerName is a DNS name in the leafs made here, because nginx can check nothing else.
const peerName = "mesh.internal"

// leaf is a workload's certificate from the mesh's CA, with its key and the roots, as PEM: what the sidecar gets, for
// proxies that can't ask for themselves.
type leaf struct{ chain, key, roots []byte }

// sign has Consul's CA sign a leaf of a workload: ECDSA P-256, its SPIFFE ID, and peerName.
func (r *rig) sign(ctx context.Context, workload string) (leaf, error) {
	var l leaf
	err := r.asWorkload(ctx, workload, func(client *consul.Client, token string) error {
		roots, _, err := client.Connect().CARoots((&consul.QueryOptions{}).WithContext(ctx))
		if err != nil {
			return err
		}
		for _, root := range roots.Roots {
			l.roots = append(l.roots, root.RootCertPEM...)
		}
		request, err := newRequest(&l, "spiffe://"+roots.TrustDomain+"/ns/default/dc/dc1/svc/"+workload)
		if err != nil {
			return err
		}
		conn, err := r.dialGRPC()
		if err != nil {
			return err
		}
		defer conn.Close()
		answer, err := pbconnectca.NewConnectCAServiceClient(conn).Sign(
			metadata.AppendToOutgoingContext(ctx, "x-consul-token", token), &pbconnectca.SignRequest{Csr: request})
		if err != nil {
			return err
		}
		l.chain = []byte(answer.CertPem)
		return nil
	})
	if err != nil {
		return leaf{}, fmt.Errorf("get a leaf for %s: %w", workload, err)
	}
	return l, nil
}

func newRequest(l *leaf, id string) (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	l.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	uri, err := url.Parse(id)
	if err != nil {
		return "", err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader,
		&x509.CertificateRequest{URIs: []*url.URL{uri}, DNSNames: []string{peerName}}, key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), nil
}

func (r *rig) dialGRPC() (*grpc.ClientConn, error) {
	roots, err := pool(r.plane.CAFile)
	if err != nil {
		return nil, err
	}
	return grpc.NewClient("passthrough:///"+r.plane.ConsulGRPC,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13})))
}

func pool(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return roots, nil
}

// client is how a program of this leaf's workload connects: TLS 1.3, and the peer's chain checked to the mesh's roots. Like
// our data plane it checks the signatures of a chain once; the server is what is measured, and not this.
func (l leaf) client() (*tls.Config, error) {
	certificate, err := tls.X509KeyPair(l.chain, l.key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(l.roots)
	var checked sync.Map // leaf, by what it consists of
	return &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13,
		InsecureSkipVerify: true, // a SPIFFE ID isn't a host's name; VerifyConnection checks the rest
		VerifyConnection: func(state tls.ConnectionState) error {
			key := string(state.PeerCertificates[0].Raw)
			if _, ok := checked.Load(key); ok {
				return nil // a run is much shorter than a leaf's life
			}
			between := x509.NewCertPool()
			for _, c := range state.PeerCertificates[1:] {
				between.AddCert(c)
			}
			_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between,
				KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
			if err == nil {
				checked.Store(key, true)
			}
			return err
		},
	}, nil
}

// files writes the leaf where a proxy reads it: key and chain, together in one file, too, and the roots.
func (l leaf) files(prefix string) error {
	for suffix, text := range map[string][]byte{
		".crt": l.chain, ".key": l.key, ".roots": l.roots,
		".both": bytes.Join([][]byte{l.chain, l.key}, []byte("\n")),
	} {
		if err := os.WriteFile(prefix+suffix, text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// asWorkload logs a workload in to Consul for one piece of work. The login ends with the rig.
func (r *rig) asWorkload(ctx context.Context, workload string, work func(client *consul.Client, token string) error) error {
	document, err := r.issuer.Token(workload, "consul")
	if err != nil {
		return err
	}
	config := &consul.Config{Address: r.plane.ConsulHTTP, Scheme: "https", TLSConfig: consul.TLSConfig{CAFile: r.plane.CAFile}}
	client, err := consul.NewClient(config)
	if err != nil {
		return err
	}
	token, _, err := client.ACL().Login(&consul.ACLLoginParams{AuthMethod: "workloads", BearerToken: document},
		(&consul.WriteOptions{}).WithContext(ctx))
	if err != nil {
		return fmt.Errorf("log in to Consul: %w", err)
	}
	config.Token = token.SecretID
	if client, err = consul.NewClient(config); err != nil {
		return err
	}
	return work(client, token.SecretID)
}
