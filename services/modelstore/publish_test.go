package main_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/api/modelmanifest"
	"redoubt.example/services/platform/secrets"
)

// The real job on the real Vault: what it publishes is what inference believes, with inference's own rights.
func TestPublish(t *testing.T) {
	env := controlplanetest.Start(t)
	dir := t.TempDir()
	binary, data := filepath.Join(dir, "modelstore"), filepath.Join(dir, "data")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as the lab builds
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	publish := func(job string) error {
		run := filepath.Join(dir, job)
		require.NoError(t, os.MkdirAll(run, 0o700))
		jwt, err := os.ReadFile(env.JWTFile(job, "vault"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(run, "vault.jwt"), jwt, 0o600))
		cmd := exec.CommandContext(t.Context(), binary, "publish")
		cmd.Env = []string{"REDOUBT_WORKLOAD=" + job, "REDOUBT_RUN_DIR=" + run, "REDOUBT_DATA_DIR=" + data,
			"REDOUBT_CA_FILE=" + env.CAFile, "REDOUBT_VAULT_ADDR=" + env.VaultAddr}
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		return err
	}
	manifest := filepath.Join(data, "manifests", "langid", "1.json")

	require.Error(t, publish("payments-migrate"), "another job's identity can't sign")
	require.NoFileExists(t, manifest)

	require.NoError(t, publish("modelstore-publish"))
	text, err := os.ReadFile(manifest)
	require.NoError(t, err)
	m, err := modelmanifest.Parse(text)
	require.NoError(t, err)

	vault, err := secrets.Login(t.Context(), secrets.Config{Addr: env.VaultAddr, CAFile: env.CAFile,
		JWTFile: env.JWTFile("inference", "vault"), Role: "inference"})
	require.NoError(t, err)
	defer func() { require.NoError(t, vault.Close(context.Background())) }()
	keys, err := vault.Transit("modelstore").PublicKey(t.Context())
	require.NoError(t, err)
	require.NoError(t, m.Verify(keys))
	_, _, err = vault.Transit("modelstore").Sign(t.Context(), m.SigningBytes())
	require.Error(t, err, "inference can verify, not sign")
	blob, err := os.Open(filepath.Join(data, "blobs", "sha256", m.Digest.Hex()))
	require.NoError(t, err)
	defer func() { _ = blob.Close() }()
	require.NoError(t, m.CheckBlob(blob))

	require.NoError(t, publish("modelstore-publish"))
	again, err := os.ReadFile(manifest)
	require.NoError(t, err)
	require.Equal(t, text, again, "published once")
}
