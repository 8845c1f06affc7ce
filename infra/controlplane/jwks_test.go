package controlplane_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
)

// verify checks an access token as the gateway does: with the keys that the issuer publishes, over TLS that the
// lab CA vouches for.
func verify(t *testing.T, env *controlplanetest.Env, raw string) map[string]any {
	t.Helper()
	pem, err := os.ReadFile(env.CAFile)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(pem))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	var discovery struct {
		JWKS string `json:"jwks_uri"`
	}
	get(t, client, env.VaultAddr+"/v1/identity/oidc/.well-known/openid-configuration", &discovery)
	var keys jose.JSONWebKeySet
	get(t, client, discovery.JWKS, &keys)
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	require.NoError(t, err)
	var claims map[string]any
	require.NoError(t, token.Claims(keys, &claims))
	return claims
}

func get(t *testing.T, client *http.Client, url string, into any) {
	t.Helper()
	res, err := client.Get(url)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.NoError(t, json.NewDecoder(res.Body).Decode(into))
}
