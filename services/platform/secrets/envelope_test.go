package secrets_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/fault"
)

func TestEnvelope(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	ctx := t.Context()
	v, _ := login(t, env, "notification")
	box := v.Envelope("notification")
	sealed, err := box.Encrypt(ctx, []byte("whsec_abc"), []byte("row 1"))
	require.NoError(t, err)
	other, err := box.Encrypt(ctx, []byte("whsec_abc"), []byte("row 1"))
	require.NoError(t, err)
	require.NotContains(t, sealed, "whsec")
	wrapped, body, _ := strings.Cut(sealed, ".")
	otherWrapped, otherBody, _ := strings.Cut(other, ".")
	require.NotEqual(t, wrapped, otherWrapped, "a data key for each record")

	stranger, _ := login(t, env, "payments")
	_, err = stranger.Envelope("notification").Decrypt(ctx, sealed, []byte("row 1"))
	require.Error(t, err, "another service")
	require.NotEqual(t, fault.Unavailable, fault.KindOf(err))
	for name, bad := range map[string]string{
		"another record's key": otherWrapped + "." + body, "another record's body": wrapped + "." + otherBody, "the key alone": wrapped,
		"no body": wrapped + ".", "garbage": "vault:v1:x.y", "nothing": "", "cut": sealed[:len(sealed)-4],
	} {
		_, err := box.Decrypt(ctx, bad, []byte("row 1"))
		require.Error(t, err, name)
	}
	_, err = box.Decrypt(ctx, sealed, []byte("row 2"))
	require.Error(t, err, "moved to another row")

	version, err := env.RotateTransit(ctx, "notification")
	require.NoError(t, err)
	require.Equal(t, 2, version)
	anew, err := box.Rewrap(ctx, []string{sealed, other})
	require.NoError(t, err)
	for i, old := range []string{sealed, other} {
		require.True(t, strings.HasPrefix(old, "vault:v1:") && strings.HasPrefix(anew[i], "vault:v2:"))
		require.Equal(t, old[strings.Index(old, "."):], anew[i][strings.Index(anew[i], "."):], "the record itself isn't touched")
		for _, s := range []string{old, anew[i]} {
			plain, err := box.Decrypt(ctx, s, []byte("row 1"))
			require.NoError(t, err)
			require.Equal(t, "whsec_abc", string(plain))
		}
	}
}
