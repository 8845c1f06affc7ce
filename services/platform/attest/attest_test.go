package attest_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/attest"
)

// verify does what Consul and Vault do with a document.
func verify(pub []byte, raw, subject, audience string, at time.Time) error {
	block, _ := pem.Decode(pub)
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return err
	}
	tok, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return err
	}
	var claims jwt.Claims
	if err := tok.Claims(key, &claims); err != nil {
		return err
	}
	return claims.ValidateWithLeeway(jwt.Expected{
		Issuer: attest.IssuerName, Subject: subject, AnyAudience: jwt.Audience{audience}, Time: at,
	}, 0)
}

func TestDocument(t *testing.T) {
	ours, err := attest.NewIssuer()
	require.NoError(t, err)
	other, err := attest.NewIssuer()
	require.NoError(t, err)
	raw, err := ours.Token("payments", attest.AudienceVault)
	require.NoError(t, err)

	now := time.Now()
	for name, err := range map[string]error{
		"another key":      verify(other.PublicKeyPEM(), raw, "payments", attest.AudienceVault, now),
		"another audience": verify(ours.PublicKeyPEM(), raw, "payments", attest.AudienceConsul, now),
		"another subject":  verify(ours.PublicKeyPEM(), raw, "ingestion", attest.AudienceVault, now),
		"expired":          verify(ours.PublicKeyPEM(), raw, "payments", attest.AudienceVault, now.Add(attest.TTL+time.Second)),
		"not yet valid":    verify(ours.PublicKeyPEM(), raw, "payments", attest.AudienceVault, now.Add(-time.Minute)),
	} {
		require.Error(t, err, name)
	}
	_, err = ours.Token("", attest.AudienceVault)
	require.Error(t, err, "a document about nobody")
	_, err = ours.Token("payments", "")
	require.Error(t, err, "a document for everybody")

	require.NoError(t, verify(ours.PublicKeyPEM(), raw, "payments", attest.AudienceVault, now))
	again, err := ours.Token("payments", attest.AudienceVault)
	require.NoError(t, err)
	require.NotEqual(t, raw, again, "each document has an id of its own")
}

func TestFile(t *testing.T) {
	issuer, err := attest.NewIssuer()
	require.NoError(t, err)
	dir := t.TempDir()
	file := attest.File{Path: filepath.Join(dir, "vault.jwt"), Subject: "payments", Audience: attest.AudienceVault}

	require.Error(t, issuer.Keep(t.Context(), attest.File{Path: filepath.Join(dir, "missing", "x"), Subject: "a", Audience: "b"}))

	// A link planted at the path is replaced, not followed.
	victim := filepath.Join(dir, "victim")
	require.NoError(t, os.WriteFile(victim, []byte("untouched"), 0o644))
	require.NoError(t, os.Symlink(victim, file.Path))

	require.NoError(t, issuer.Keep(t.Context(), file))
	got, err := os.ReadFile(victim)
	require.NoError(t, err)
	require.Equal(t, "untouched", string(got))

	info, err := os.Lstat(file.Path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode(), "a plain file that only its owner reads")
	raw, err := os.ReadFile(file.Path)
	require.NoError(t, err)
	require.NoError(t, verify(issuer.PublicKeyPEM(), string(raw), "payments", attest.AudienceVault, time.Now()))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "no temporary file stays")
}
