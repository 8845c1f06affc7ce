package plane_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	vault "github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
)

// Consul signs for an hour at least, so Vault's intermediate signs here, as Consul has it do: whoever has such a leaf is
// let in, for as long as it is good. Then the open connection ends, busy or not, and no other begins.
func TestShortLivedLeafFromVault(t *testing.T) {
	env := controlplanetest.Start(t)
	payments, ingestion := start(t, env, "payments"), start(t, env, "ingestion", "payments")
	_, err := getSoon(t, ingestion.client(t), "payments") // it is in the catalog, and its intentions are known
	require.NoError(t, err)
	healthy, _, _, _ := ingestion.Instances("payments")
	require.Len(t, healthy, 1)

	leaf := signedByVault(t, env, ingestion.ID(), 3*time.Second)
	config := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{leaf}} // what payments accepts is what counts
	conn, err := tls.Dial("tcp", healthy[0], config)
	require.NoError(t, err)
	defer conn.Close()
	answers := bufio.NewReader(conn)
	ask := func() (string, error) {
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: payments\r\n\r\n"); err != nil {
			return "", err
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			return "", err
		}
		body, err := io.ReadAll(resp.Body)
		return string(body), err
	}
	caller, err := ask()
	require.NoError(t, err)
	require.Equal(t, "ingestion", caller)
	for err == nil && time.Since(leaf.Leaf.NotAfter) < 5*time.Second {
		_, err = ask()
	}
	require.Error(t, err, "a connection outlives its certificate")
	require.WithinDuration(t, leaf.Leaf.NotAfter, time.Now(), 2*time.Second)

	time.Sleep(time.Until(leaf.Leaf.NotAfter.Add(time.Second)))
	late, err := tls.Dial("tcp", healthy[0], config)
	if err == nil { // with TLS 1.3 a client may think that it is let in
		_, err = late.Read(make([]byte, 1))
		late.Close()
	}
	require.Error(t, err)
	require.Equal(t, "certificate expired or not yet valid", payments.log.Denied(t, "mesh.mtls")["reason"])
}

// signedByVault is a leaf that the mesh's CA signed, for as long as said.
func signedByVault(t *testing.T, env *controlplanetest.Env, id string, life time.Duration) tls.Certificate {
	t.Helper()
	cfg := vault.DefaultConfig()
	cfg.Address = env.VaultAddr
	require.NoError(t, cfg.ConfigureTLS(&vault.TLSConfig{CACert: env.CAFile}))
	client, err := vault.NewClient(cfg)
	require.NoError(t, err)
	session, err := client.Logical().Write("auth/jwt/login", map[string]any{"role": "consul", "jwt": env.JWT(t, "consul", "vault")})
	require.NoError(t, err)
	client.SetToken(session.Auth.ClientToken)
	defer client.Auth().Token().RevokeSelf("")

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	uri, err := url.Parse(id)
	require.NoError(t, err)
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{URIs: []*url.URL{uri}}, key)
	require.NoError(t, err)
	signed, err := client.Logical().Write("connect-inter/sign/leaf-cert", map[string]any{
		"csr": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: request})), "ttl": life.String(),
	})
	require.NoError(t, err)
	leaf := tls.Certificate{PrivateKey: key}
	for _, name := range []string{"certificate", "issuing_ca"} {
		block, _ := pem.Decode([]byte(strings.TrimSpace(signed.Data[name].(string))))
		require.NotNil(t, block, name)
		leaf.Certificate = append(leaf.Certificate, block.Bytes)
	}
	leaf.Leaf, err = x509.ParseCertificate(leaf.Certificate[0])
	require.NoError(t, err)
	require.LessOrEqual(t, time.Until(leaf.Leaf.NotAfter), life)
	return leaf
}
