package modelmanifest_test

import (
	"crypto/ed25519"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/api/modelmanifest"
)

func signed(t *testing.T) (modelmanifest.Manifest, map[int]ed25519.PublicKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	digest, size, err := modelmanifest.DigestOf(strings.NewReader("weights"))
	require.NoError(t, err)
	m := modelmanifest.Manifest{
		Name: "langid", Version: "1", Digest: digest, Size: size, KeyVersion: 1,
		CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	m.Signature = ed25519.Sign(private, m.SigningBytes())
	return m, map[int]ed25519.PublicKey{1: public}
}

func TestVerifyRefuses(t *testing.T) {
	other, _, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	for name, spoil := range map[string]func(*modelmanifest.Manifest, map[int]ed25519.PublicKey){
		"another name":      func(m *modelmanifest.Manifest, _ map[int]ed25519.PublicKey) { m.Name = "other" },
		"another version":   func(m *modelmanifest.Manifest, _ map[int]ed25519.PublicKey) { m.Version = "2" },
		"another size":      func(m *modelmanifest.Manifest, _ map[int]ed25519.PublicKey) { m.Size++ },
		"another time":      func(m *modelmanifest.Manifest, _ map[int]ed25519.PublicKey) { m.CreatedAt = m.CreatedAt.Add(1) },
		"no signature":      func(m *modelmanifest.Manifest, _ map[int]ed25519.PublicKey) { m.Signature = nil },
		"a changed byte":    func(m *modelmanifest.Manifest, _ map[int]ed25519.PublicKey) { m.Signature[7] ^= 1 },
		"unknown key":       func(m *modelmanifest.Manifest, _ map[int]ed25519.PublicKey) { m.KeyVersion = 2 },
		"key of someone":    func(_ *modelmanifest.Manifest, k map[int]ed25519.PublicKey) { k[1] = other },
		"key of wrong size": func(_ *modelmanifest.Manifest, k map[int]ed25519.PublicKey) { k[1] = k[1][:5] },
		"malformed digest":  func(m *modelmanifest.Manifest, _ map[int]ed25519.PublicKey) { m.Digest = "sha256:.." },
		"digest of upper A": func(m *modelmanifest.Manifest, _ map[int]ed25519.PublicKey) {
			m.Digest = modelmanifest.Digest(strings.ToUpper(string(m.Digest)))
		},
		"no time":            func(m *modelmanifest.Manifest, _ map[int]ed25519.PublicKey) { m.CreatedAt = time.Time{} },
		"negative size":      func(m *modelmanifest.Manifest, _ map[int]ed25519.PublicKey) { m.Size = -1 },
		"traversing version": func(m *modelmanifest.Manifest, _ map[int]ed25519.PublicKey) { m.Version = "../1" },
	} {
		t.Run(name, func(t *testing.T) {
			m, keys := signed(t)
			require.NoError(t, m.Verify(keys))
			spoil(&m, keys)
			require.Error(t, m.Verify(keys))
		})
	}
}

func TestVerifySurvivesTheWire(t *testing.T) {
	m, keys := signed(t)
	m.CreatedAt = m.CreatedAt.In(time.FixedZone("east", 3600)) // another spelling of the same instant
	wire, err := json.Marshal(m)
	require.NoError(t, err)
	back, err := modelmanifest.Parse(wire)
	require.NoError(t, err)
	require.NoError(t, back.Verify(keys))
	require.NoError(t, back.CheckBlob(strings.NewReader("weights")))
}

func TestCheckBlobRefuses(t *testing.T) {
	m, _ := signed(t)
	for _, content := range []string{"", "weight", "Weights", "weights and more"} {
		require.ErrorIs(t, m.CheckBlob(strings.NewReader(content)), modelmanifest.ErrDigest, "%q", content)
	}
}

func TestParseRefuses(t *testing.T) {
	m, _ := signed(t)
	good, err := json.Marshal(m)
	require.NoError(t, err)
	for name, text := range map[string]string{
		"empty": "", "not JSON": "{", "trailing data": string(good) + "{}",
		"unknown field": strings.Replace(string(good), "{", `{"run":"me",`, 1),
		"too long":      string(good) + strings.Repeat(" ", modelmanifest.MaxBytes),
		"no name":       strings.Replace(string(good), "langid", "", 1),
	} {
		_, err := modelmanifest.Parse([]byte(text))
		require.Error(t, err, name)
	}
}

func TestForms(t *testing.T) {
	for _, name := range []string{"", ".", "..", "a/b", "a\\b", "A", "a\n", "-a", "a.b", strings.Repeat("a", 64)} {
		require.Error(t, modelmanifest.CheckName(name), "%q", name)
	}
	for _, v := range []string{"", ".", "..", "01", "1.", "1..2", "v1", "1.2.3.4", "1\n", "-1", "1e3", "9999999999"} {
		require.Error(t, modelmanifest.CheckVersion(v), "%q", v)
	}
	for _, v := range []string{"0", "1", "10", "1.2", "1.2.3"} {
		require.NoError(t, modelmanifest.CheckVersion(v), "%q", v)
	}
}

func TestCompareVersions(t *testing.T) {
	for _, pair := range [][2]string{{"9", "10"}, {"1", "1.0"}, {"1.9", "1.10"}, {"1.10.3", "2"}} {
		require.Negative(t, modelmanifest.CompareVersions(pair[0], pair[1]))
		require.Positive(t, modelmanifest.CompareVersions(pair[1], pair[0]))
	}
	require.Zero(t, modelmanifest.CompareVersions("1.2", "1.2"))
}
