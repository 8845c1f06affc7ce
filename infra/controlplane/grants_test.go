package controlplane_test

import (
	"encoding/json"
	"testing"
	"time"

	consul "github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/controlplane/controlplanetest"
)

// events are the audit log's since the time given that the choice is for.
func events(t *testing.T, env *controlplanetest.Env, since time.Time, chosen func(controlplane.SecurityEvent) bool) (found []controlplane.SecurityEvent) {
	t.Helper()
	require.NoError(t, env.Audit(t.Context(), since, func(e controlplane.SecurityEvent) {
		if chosen(e) {
			found = append(found, e)
		}
	}))
	return found
}

func TestRefusedLoginsAreOnRecord(t *testing.T) {
	env := controlplanetest.Start(t)
	began := time.Now()
	for subject, role := range map[string]string{"notification": "payments", "user/alice": "operator", "payments-migrate": "payments"} {
		_, err := vaultFor(t, env, subject, role)
		require.Error(t, err, subject)
	}
	refused := events(t, env, began, func(e controlplane.SecurityEvent) bool { return e.Action == "login" && !e.Allowed })
	require.Len(t, refused, 3)
	for _, e := range refused {
		require.Contains(t, []string{"payments", "operator"}, e.Who)
		require.Contains(t, e.Reason, "invalid subject (sub) claim")
		require.NotEmpty(t, e.Remote)
		raw, err := json.Marshal(e)
		require.NoError(t, err)
		require.NotContains(t, string(raw), "eyJ")
	}
}

func TestWhoReadWhichSecret(t *testing.T) {
	env := controlplanetest.Start(t)
	began := time.Now()
	payments := mustLogin(t, env, "payments", "payments")
	_, err := payments.Logical().Read("database/creds/ingestion")
	require.True(t, denied(err))
	lease, err := payments.Logical().Read("database/creds/payments")
	require.NoError(t, err)

	read := events(t, env, began, func(e controlplane.SecurityEvent) bool { return e.Action == "lease" && e.Who == "payments" })
	require.Len(t, read, 2)
	require.False(t, read[0].Allowed)
	require.Equal(t, "database/creds/ingestion", read[0].Path)
	require.True(t, read[1].Allowed)
	require.Regexp(t, `^spiffe://[0-9a-f-]+\.consul/ns/default/dc/dc1/svc/payments$`, read[1].SPIFFE)
	require.Equal(t, lease.LeaseID, read[1].Lease)
}

func loginToConsul(t *testing.T, env *controlplanetest.Env, subject, document string) (*consul.Client, error) {
	t.Helper()
	make := func(token string) *consul.Client {
		c, err := consul.NewClient(&consul.Config{Address: env.ConsulHTTP, Scheme: "https", Token: token, TLSConfig: consul.TLSConfig{CAFile: env.CAFile}})
		require.NoError(t, err)
		return c
	}
	token, _, err := make("").ACL().Login(&consul.ACLLoginParams{AuthMethod: "workloads", BearerToken: document}, nil)
	if err != nil {
		return nil, err
	}
	return make(token.SecretID), nil
}

func TestShutOut(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	kept := env.JWT(t, "payments", "consul") // a thief's copies, good for two minutes
	other, err := loginToConsul(t, env, "ingestion", env.JWT(t, "ingestion", "consul"))
	require.NoError(t, err)
	held, err := loginToConsul(t, env, "payments", env.JWT(t, "payments", "consul"))
	require.NoError(t, err)
	payments := mustLogin(t, env, "payments", "payments")
	lease, err := payments.Logical().Read("database/creds/payments")
	require.NoError(t, err)
	grants, err := env.Grants(t.Context())
	require.NoError(t, err)
	of := func(kind string) (n int) {
		for _, g := range grants {
			if g.Kind == kind && g.Holder == "payments" {
				n++
			}
		}
		return n
	}
	require.Equal(t, []int{1, 1, 1}, []int{of(controlplane.VaultToken), of(controlplane.ConsulToken), of(controlplane.DatabaseLogin)})

	began := time.Now()
	require.NoError(t, env.ShutOut(t.Context(), "payments"))
	require.Less(t, time.Since(began), 2*time.Second)
	require.True(t, env.IsShutOut("payments"))
	_, err = payments.Auth().Token().LookupSelf()
	require.True(t, denied(err), "Vault: %v", err)
	_, err = vaultFor(t, env, "payments", "payments")
	require.Error(t, err, "a fresh document opens nothing either")
	_, err = loginToConsul(t, env, "payments", kept)
	require.Error(t, err)
	_, _, err = held.ACL().TokenReadSelf(nil)
	require.ErrorContains(t, err, "ACL not found")
	grants, err = env.Grants(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int{0, 0, 0}, []int{of(controlplane.VaultToken), of(controlplane.ConsulToken), of(controlplane.DatabaseLogin)}, "lease %s", lease.LeaseID)
	for _, pair := range [][2]string{{"ingestion", "payments"}, {"payments", "gateway"}} {
		require.False(t, connects(t, env, pair[0], pair[1]), pair)
	}
	require.True(t, connects(t, env, "gateway", "ingestion"), "nobody else suffers")
	_, _, err = other.ACL().TokenReadSelf(nil)
	require.NoError(t, err)

	require.NoError(t, env.ShutOut(t.Context(), "notification"))
	require.NoError(t, env.LetIn(t.Context(), "payments"))
	mustLogin(t, env, "payments", "payments")
	_, err = loginToConsul(t, env, "payments", env.JWT(t, "payments", "consul"))
	require.NoError(t, err)
	require.True(t, connects(t, env, "ingestion", "payments"))
	require.False(t, connects(t, env, "ingestion", "notification"), "that one is still out")
	_, err = vaultFor(t, env, "notification", "notification")
	require.Error(t, err)
}

func connects(t *testing.T, env *controlplanetest.Env, from, to string) (allowed bool) {
	t.Helper()
	require.NoError(t, env.AsConsulOperator(t.Context(), func(c *consul.Client) (err error) {
		allowed, _, err = c.Connect().IntentionCheck(&consul.IntentionCheck{Source: from, Destination: to, SourceType: consul.IntentionSourceConsul}, nil)
		return err
	}))
	return allowed
}

func TestRevokeLeaseAndToken(t *testing.T) {
	env := controlplanetest.Start(t)
	require.ErrorIs(t, env.RevokeLease(t.Context(), "database/creds/payments/none"), controlplane.ErrNoGrant)
	require.ErrorIs(t, env.RevokeToken(t.Context(), "none"), controlplane.ErrNoGrant)

	ingestion := mustLogin(t, env, "ingestion", "ingestion")
	lease, err := ingestion.Logical().Read("database/creds/ingestion")
	require.NoError(t, err)
	require.NoError(t, env.RevokeLease(t.Context(), lease.LeaseID))
	require.ErrorIs(t, env.RevokeLease(t.Context(), lease.LeaseID), controlplane.ErrNoGrant)
	about, err := ingestion.Auth().Token().LookupSelf()
	require.NoError(t, err)
	require.NoError(t, env.RevokeToken(t.Context(), about.Data["accessor"].(string)))
	_, err = ingestion.Auth().Token().LookupSelf()
	require.True(t, denied(err))
}

func TestRotations(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	ctx := t.Context()
	payments := mustLogin(t, env, "payments", "payments")
	for _, name := range env.Databases() {
		require.NoError(t, env.RotateManagement(ctx, name))
	}
	_, err := payments.Logical().Read("database/creds/payments")
	require.NoError(t, err, "logins are still made")
	keys, err := env.TransitKeys(ctx)
	require.NoError(t, err)
	require.Contains(t, keys, "modelstore")
	version, err := env.RotateTransit(ctx, "modelstore")
	require.NoError(t, err)
	require.Equal(t, 2, version)
	require.NoError(t, env.RotateTokenKey(ctx))
	_, err = env.AccessToken(ctx, "alice", nil)
	require.NoError(t, err)
}
