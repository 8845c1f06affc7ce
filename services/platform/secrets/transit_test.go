package secrets_test

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
)

func TestTransitSigns(t *testing.T) {
	env := controlplanetest.Start(t)
	ctx := t.Context()
	publisher, _ := login(t, env, "modelstore-publish")
	store, _ := login(t, env, "modelstore")
	inference, _ := login(t, env, "inference")

	for name, v := range map[string]interface {
		Ready() error
	}{"modelstore": store, "inference": inference} {
		require.NoError(t, v.Ready(), name)
	}
	_, _, err := store.Transit("modelstore").Sign(ctx, []byte("manifest"))
	require.Error(t, err, "who serves models doesn't sign them")
	_, _, err = inference.Transit("modelstore").Sign(ctx, []byte("manifest"))
	require.Error(t, err, "who uses models doesn't sign them")

	signature, version, err := publisher.Transit("modelstore").Sign(ctx, []byte("manifest"))
	require.NoError(t, err)
	keys, err := inference.Transit("modelstore").PublicKey(ctx)
	require.NoError(t, err)
	require.False(t, ed25519.Verify(keys[version], []byte("another manifest"), signature))
	require.True(t, ed25519.Verify(keys[version], []byte("manifest"), signature))
}

func TestServerCertificate(t *testing.T) {
	env := controlplanetest.Start(t)
	ctx := t.Context()
	ips := []net.IP{net.IPv4(127, 0, 0, 1)}
	stranger, _ := login(t, env, "notification")
	_, err := stranger.ServerCertificate(ctx, "pki-edge", "gateway", []string{"localhost"}, ips)
	require.Error(t, err, "another service")
	gateway, _ := login(t, env, "gateway")
	_, err = gateway.ServerCertificate(ctx, "pki-edge", "gateway", []string{"vault"}, ips)
	require.Error(t, err, "another server's name")

	source, err := gateway.ServerCertificate(ctx, "pki-edge", "gateway", []string{"localhost"}, ips)
	require.NoError(t, err)
	cert, err := source.GetCertificate(nil)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Hour), cert.Leaf.NotAfter, time.Minute)

	pem, err := os.ReadFile(env.CAFile)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(pem))
	server, client := net.Pipe()
	go func() { _ = tls.Server(server, &tls.Config{GetCertificate: source.GetCertificate}).Handshake() }()
	require.NoError(t, tls.Client(client, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}).Handshake(),
		"a client that trusts the lab CA alone")
}
