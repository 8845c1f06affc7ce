package e2e_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	consul "github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/proto-public/pbconnectca"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// intruder is a service that was taken over: all that it does, it does with that service's own identity document,
// found where the service has it. It makes itself a leaf of its own and goes past its own sidecar.
type intruder struct {
	service string
	config  *tls.Config
	consul  *consul.Client
}

func (l *lab) intrude(t testing.TB, service string) *intruder {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(l.runDir(t), service, "consul.jwt"))
	require.NoError(t, err)
	env := l.environment(t, service)
	cfg := consul.DefaultConfig()
	cfg.Address, cfg.Scheme, cfg.TLSConfig.CAFile = env["REDOUBT_CONSUL_HTTP"], "https", l.status.CAFile
	client, err := consul.NewClient(cfg)
	require.NoError(t, err)
	token, _, err := client.ACL().Login(&consul.ACLLoginParams{AuthMethod: "workloads", BearerToken: strings.TrimSpace(string(document))}, nil)
	require.NoError(t, err)
	cfg.Token = token.SecretID
	client, err = consul.NewClient(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = client.ACL().Logout(nil) })
	return &intruder{service, clientTLS(t, client, cfg.Token, env["REDOUBT_CONSUL_GRPC"], l.status.CAFile, service), client}
}

// environment is that of a running component: it says where things are, and holds no secret.
func (l *lab) environment(t testing.TB, component string) map[string]string {
	t.Helper()
	l.refresh(t)
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", l.component(t, component).PID))
	require.NoError(t, err)
	env := map[string]string{}
	for _, entry := range strings.Split(string(raw), "\x00") {
		key, value, _ := strings.Cut(entry, "=")
		env[key] = value
	}
	return env
}

// clientTLS has Consul sign a leaf of the service.
func clientTLS(t testing.TB, client *consul.Client, token, address, caFile, service string) *tls.Config {
	t.Helper()
	roots, _, err := client.Connect().CARoots(nil)
	require.NoError(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	id, err := url.Parse("spiffe://" + roots.TrustDomain + "/ns/default/dc/dc1/svc/" + service)
	require.NoError(t, err)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{URIs: []*url.URL{id}}, key)
	require.NoError(t, err)
	ca, err := os.ReadFile(caFile)
	require.NoError(t, err)
	lab := x509.NewCertPool()
	lab.AppendCertsFromPEM(ca)
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: lab})))
	require.NoError(t, err)
	defer conn.Close()
	signed, err := pbconnectca.NewConnectCAServiceClient(conn).Sign(metadata.AppendToOutgoingContext(t.Context(), "x-consul-token", token),
		&pbconnectca.SignRequest{Csr: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))})
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	pair, err := tls.X509KeyPair([]byte(signed.CertPem), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	require.NoError(t, err)
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13,
		InsecureSkipVerify: true} // an intruder doesn't care whom it reaches
}

// dial connects to a service's mesh port, wherever Consul says that is.
func (i *intruder) dial(ctx context.Context, service string) (net.Conn, error) {
	instances, _, err := i.consul.Health().Connect(service, "", false, nil)
	if err != nil || len(instances) == 0 {
		return nil, fmt.Errorf("find %s: %w", service, err)
	}
	at := instances[0].Service
	return (&tls.Dialer{Config: i.config}).DialContext(ctx, "tcp", net.JoinHostPort(at.Address, fmt.Sprint(at.Port)))
}

// http sends requests to a service: their host is its name.
func (i *intruder) http(t testing.TB) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		host, _, _ := strings.Cut(address, ":")
		return i.dial(ctx, host)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (i *intruder) grpc(t testing.TB, service string) *grpc.ClientConn {
	conn, err := grpc.NewClient("passthrough:///"+service, grpc.WithTransportCredentials(plain{}),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return i.dial(ctx, service) }))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// plain leaves a connection as it was dialled, which here is encrypted already.
type plain struct {
	credentials.TransportCredentials
}

func (plain) ClientHandshake(_ context.Context, _ string, c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c, plainInfo{}, nil
}
func (plain) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "mesh"}
}
func (plain) Clone() credentials.TransportCredentials { return plain{} }
func (plain) OverrideServerName(string) error         { return nil }

type plainInfo struct{ credentials.CommonAuthInfo }

func (plainInfo) AuthType() string { return "mesh" }
