package attack

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	consul "github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/proto-public/pbconnectca"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// leaf has Consul sign a certificate for a service, with nothing but the identity document that the service has.
func (p *player) leaf(ctx context.Context, service string) (map[string]any, error) {
	client, logout, err := p.consulAs(ctx, service)
	if err != nil {
		return nil, err
	}
	defer logout()
	roots, _, err := client.Connect().CARoots((&consul.QueryOptions{}).WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("ask Consul for its roots: %w", err)
	}
	var trusted strings.Builder
	for _, r := range roots.Roots {
		trusted.WriteString(r.RootCertPEM)
	}
	cert, key, err := p.signed(ctx, client, "spiffe://"+roots.TrustDomain+"/ns/default/dc/dc1/svc/"+service)
	if err != nil {
		return nil, err
	}
	return map[string]any{"cert": cert, "key": key, "roots": trusted.String(), "service": service, "trust_domain": roots.TrustDomain}, nil
}

// serverName is in the certificates of Consul, Vault and PostgreSQL, wherever they run.
const serverName = "127.0.0.1"

// consulAs logs in to Consul as a service.
func (p *player) consulAs(ctx context.Context, service string) (client *consul.Client, logout func(), err error) {
	document, err := os.ReadFile(filepath.Join(p.places.Folders[service], "consul.jwt"))
	if err != nil {
		return nil, nil, err
	}
	cfg := consul.DefaultNonPooledConfig() // a client for each attack: kept connections would add up to more than Consul takes
	cfg.Address, cfg.Scheme, cfg.TLSConfig.CAFile, cfg.TLSConfig.Address = p.places.ConsulHTTP, "https", p.lab.Status.CAFile, serverName
	if client, err = consul.NewClient(cfg); err != nil {
		return nil, nil, err
	}
	token, _, err := client.ACL().Login(&consul.ACLLoginParams{AuthMethod: "workloads", BearerToken: strings.TrimSpace(string(document))},
		(&consul.WriteOptions{}).WithContext(ctx))
	if err != nil {
		return nil, nil, fmt.Errorf("log in to Consul as %s: %w", service, err)
	}
	client.SetHeaders(map[string][]string{"X-Consul-Token": {token.SecretID}})
	return client, func() { _, _ = client.ACL().Logout(&consul.WriteOptions{Token: token.SecretID}) }, nil
}

// signed is a certificate from Consul's ConnectCA service, with its key.
func (p *player) signed(ctx context.Context, client *consul.Client, id string) (certPEM, keyPEM string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	uri, err := url.Parse(id)
	if err != nil {
		return "", "", err
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{URIs: []*url.URL{uri}}, key)
	if err != nil {
		return "", "", err
	}
	ca, err := os.ReadFile(p.lab.Status.CAFile)
	if err != nil {
		return "", "", err
	}
	lab := x509.NewCertPool()
	if !lab.AppendCertsFromPEM(ca) {
		return "", "", errors.New("the lab's CA is no PEM certificate")
	}
	conn, err := grpc.NewClient("passthrough:///"+p.places.ConsulGRPC, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: lab, ServerName: serverName, MinVersion: tls.VersionTLS13})))
	if err != nil {
		return "", "", err
	}
	defer conn.Close()
	token := client.Headers().Get("X-Consul-Token")
	signed, err := pbconnectca.NewConnectCAServiceClient(conn).Sign(metadata.AppendToOutgoingContext(ctx, "x-consul-token", token),
		&pbconnectca.SignRequest{Csr: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: request}))})
	if err != nil {
		return "", "", fmt.Errorf("have Consul sign a certificate for %s: %w", id, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", err
	}
	return signed.CertPem, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}
