package edge_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/edge"
	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/secrets"
)

func TestMain(m *testing.M) { os.Exit(controlplanetest.Main(m)) }

// TestServesWithVaultsCertificate: a client that has nothing but the lab's CA file trusts the edge, by each of
// its names, and by no other.
func TestServesWithVaultsCertificate(t *testing.T) {
	env := controlplanetest.Start(t)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	vault, err := secrets.Login(t.Context(), secrets.Config{Addr: env.VaultAddr, CAFile: env.CAFile, Role: "gateway",
		JWTFile: env.JWTFile("gateway", "vault"), Log: log})
	require.NoError(t, err)
	defer func() { require.NoError(t, vault.Close(context.WithoutCancel(t.Context()))) }()
	leased, err := vault.ServerCertificate(t.Context(), "pki-edge", "gateway", []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback})
	require.NoError(t, err)
	certificate := source{leased}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- edge.Serve(ctx, l, edge.TLS(certificate.GetCertificate), http.NotFoundHandler(), log) }()
	defer func() { cancel(); require.NoError(t, <-ended) }()

	roots := x509.NewCertPool()
	pem, err := os.ReadFile(env.CAFile)
	require.NoError(t, err)
	require.True(t, roots.AppendCertsFromPEM(pem))
	for name, trusted := range map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true, "example.com": false, "payments": false} {
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name, NextProtos: []string{"h2"}})
		require.Equal(t, trusted, err == nil, "%s: %v", name, err)
		if err != nil {
			continue
		}
		state := conn.ConnectionState()
		require.Equal(t, uint16(tls.VersionTLS13), state.Version)
		require.Equal(t, "h2", state.NegotiatedProtocol)
		require.Equal(t, tls.X25519MLKEM768, state.CurveID)
		require.Less(t, time.Until(state.PeerCertificates[0].NotAfter), 31*24*time.Hour)
		require.NoError(t, conn.Close())
	}

	// Vault signs another one; who is connected doesn't notice.
	before := certificate.serial(t)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	ask := func() *big.Int {
		resp, err := client.Get("https://" + l.Addr().String() + "/")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.TLS.PeerCertificates[0].SerialNumber
	}
	require.Equal(t, before, ask())
	require.NoError(t, vault.Replace(t.Context()))
	require.NotEqual(t, before, certificate.serial(t))
	require.Equal(t, before, ask(), "the connection goes on")
	transport.CloseIdleConnections()
	require.Equal(t, certificate.serial(t), ask(), "a new one sees the new certificate")
}

// source is a certificate of Vault's, as the edge asks for it.
type source struct{ *secrets.CertificateSource }

func (s source) serial(t *testing.T) *big.Int {
	current, err := s.GetCertificate(nil)
	require.NoError(t, err)
	return current.Leaf.SerialNumber
}
