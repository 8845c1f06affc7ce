package stack

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/exit"
)

func TestSettings(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)

	_, err = readSettings([]string{"REDOUBT_INFERNCE_UPSTREAM=http://127.0.0.1:1"}, top)
	require.ErrorContains(t, err, "REDOUBT_INFERNCE_UPSTREAM")
	require.Equal(t, exit.Usage, exit.Code(err))

	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte("k"), 0o644))
	told, err := readSettings([]string{"PATH=/bin", "REDOUBT_UNSAFE_LAB=1", "REDOUBT_INFERENCE_UPSTREAM=http://127.0.0.1:1",
		"REDOUBT_INFERENCE_UPSTREAM_KEY_FILE=" + key}, top)
	require.NoError(t, err)
	folder := t.TempDir()
	_, err = told.env("inference", folder, 0, 0)
	require.ErrorContains(t, err, "may be read by others")

	require.NoError(t, os.Chmod(key, 0o600))
	env, err := told.env("inference", folder, 0, 0)
	require.NoError(t, err)
	own := filepath.Join(folder, "inference_upstream_key_file")
	require.Equal(t, []string{"REDOUBT_INFERENCE_UPSTREAM=http://127.0.0.1:1", "REDOUBT_INFERENCE_UPSTREAM_KEY_FILE=" + own}, env)
	require.FileExists(t, own)

	shared, err := readSettings([]string{"REDOUBT_REDIS_URL=redis://127.0.0.1:1"}, top)
	require.NoError(t, err)
	require.Contains(t, shared["gateway"], "REDOUBT_REDIS_URL")

	shared, err = readSettings([]string{"REDOUBT_OTLP_ENDPOINT=http://127.0.0.1:4318"}, top)
	require.NoError(t, err)
	for _, name := range top.Names() {
		require.Equal(t, "http://127.0.0.1:4318", shared[name]["REDOUBT_OTLP_ENDPOINT"], name)
	}

	env, err = told.env("payments", folder, 0, 0)
	require.NoError(t, err)
	require.Empty(t, env, "another service's settings")
}
