package controlplane_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
)

func TestMain(m *testing.M) { os.Exit(controlplanetest.Main(m)) }

func TestStart(t *testing.T) {
	env := controlplanetest.Start(t)
	t.Log(env.Took())
	_, err := env.AccessToken(t.Context(), "alice", nil)
	require.NoError(t, err)
}
