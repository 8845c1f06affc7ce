package secrets_test

import (
	"encoding/json"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/secrets"
)

func TestReplaceFailsNoRequest(t *testing.T) {
	env := controlplanetest.Start(t)
	v, j := login(t, env, "payments")
	pool, err := v.Database(t.Context(), database(env, "payments", "payments"))
	require.NoError(t, err)
	defer pool.Close()
	before := v.Held()
	require.Len(t, before, 2)
	require.Equal(t, secrets.KindSession, before[0].Kind)
	require.Equal(t, "database payments", before[1].Name)
	printed, err := json.Marshal(before)
	require.NoError(t, err)
	require.NotContains(t, string(printed), "hvs.")

	tr := send(t.Context(), pool, 200)
	for range 20 {
		require.NoError(t, v.Replace(t.Context()))
		require.Eventually(t, func() bool { return len(v.Held()) == 2 }, 10*time.Second, 10*time.Millisecond, "the old login is given up")
	}
	tr.end()
	t.Logf("%d requests over 20 rotations: p50 %s p99 %s max %s", tr.sent.Load(), tr.quantile(0.5), tr.quantile(0.99), tr.quantile(1))
	require.Zero(t, tr.failed.Load(), "last error: %v", tr.last)
	require.Equal(t, 20, j.count("login replaced"))
	require.NotEqual(t, before[1].ID, v.Held()[1].ID)
	admin := superuser(t, env, "postgres")
	require.Eventually(t, func() bool { return logins(t, admin, "payments") <= 1 }, 10*time.Second, 50*time.Millisecond)
}

func TestReplaceRenewsCertificates(t *testing.T) {
	env := controlplanetest.Start(t)
	gateway, _ := login(t, env, "gateway")
	source, err := gateway.ServerCertificate(t.Context(), "pki-edge", "gateway", []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	before, err := source.GetCertificate(nil)
	require.NoError(t, err)
	require.NoError(t, gateway.Replace(t.Context()))
	after, err := source.GetCertificate(nil)
	require.NoError(t, err)
	require.NotEqual(t, before.Leaf.SerialNumber, after.Leaf.SerialNumber)
	require.NotEqual(t, before.Leaf.PublicKey, after.Leaf.PublicKey)
}

func TestOutageIsNoticedWhenNothingIsDue(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	v, _ := login(t, env, "modelstore")
	_, degraded := v.Degraded()
	require.False(t, degraded)
	env.Stop(t, controlplane.Vault)
	require.Eventually(t, func() bool { _, degraded = v.Degraded(); return degraded }, 10*time.Second, 50*time.Millisecond)
	until, _ := v.Degraded()
	require.WithinDuration(t, time.Now().Add(15*time.Minute), until, time.Minute)
	require.NoError(t, v.Ready())
	env.Restart(t, controlplane.Vault)
	require.Eventually(t, func() bool { _, degraded = v.Degraded(); return !degraded }, 10*time.Second, 50*time.Millisecond)
}

func TestRevokedLoginIsReplacedAtOnce(t *testing.T) {
	env := controlplanetest.Start(t)
	v, j := login(t, env, "ingestion")
	pool, err := v.Database(t.Context(), database(env, "ingestion", "ingestion"))
	require.NoError(t, err)
	defer pool.Close()
	revoked := v.Held()[1].ID
	tr := send(t.Context(), pool, 100) // so that several connections are refused at once
	defer tr.end()
	require.NoError(t, env.RevokeLease(t.Context(), revoked))
	require.Eventually(t, func() bool { // a connection may be served once more before PostgreSQL has ended it
		_, err := pool.Exec(t.Context(), "SELECT 1")
		held := v.Held()
		return err == nil && held[len(held)-1].ID != revoked
	}, 10*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool { return len(v.Held()) == 2 }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, 1, j.count("login replaced"), "by one")
}
