package controlplane_test

import (
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
)

func consulWith(t *testing.T, env *controlplanetest.Env, token string) *api.Client {
	t.Helper()
	client, err := api.NewClient(&api.Config{Address: env.ConsulHTTP, Scheme: "https", Token: token, TLSConfig: api.TLSConfig{CAFile: env.CAFile}})
	require.NoError(t, err)
	return client
}

func consulLogin(t *testing.T, env *controlplanetest.Env, document string) (*api.ACLToken, error) {
	t.Helper()
	token, _, err := consulWith(t, env, "").ACL().Login(&api.ACLLoginParams{AuthMethod: "workloads", BearerToken: document}, nil)
	return token, err
}

func TestConsulLogin(t *testing.T) {
	env := controlplanetest.Start(t)
	spoilt := func(spoil func(*jwt.Claims)) string {
		claims := controlplanetest.Claims("payments", "consul")
		spoil(&claims)
		document, err := env.Sign(claims)
		require.NoError(t, err)
		return document
	}
	for name, document := range map[string]string{
		"expired": spoilt(func(c *jwt.Claims) {
			c.Expiry = jwt.NewNumericDate(time.Now().Add(-time.Second))
			c.IssuedAt, c.NotBefore = jwt.NewNumericDate(time.Now().Add(-time.Minute)), jwt.NewNumericDate(time.Now().Add(-time.Minute))
		}),
		"for Vault":           env.JWT(t, "payments", "vault"),
		"from another issuer": spoilt(func(c *jwt.Claims) { c.Issuer = "someone" }),
		"a job's":             env.JWT(t, "payments-migrate", "consul"),
		"a demo user's":       env.JWT(t, "user/alice", "consul"),
		"of nobody known":     env.JWT(t, "mallory", "consul"),
	} {
		_, err := consulLogin(t, env, document)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), document)
	}
	token, err := consulLogin(t, env, env.JWT(t, "payments", "consul"))
	require.NoError(t, err)
	require.Len(t, token.ServiceIdentities, 1)
	require.Equal(t, "payments", token.ServiceIdentities[0].ServiceName)
	require.Empty(t, token.Policies)
	require.NotNil(t, token.ExpirationTime)
	require.WithinDuration(t, time.Now().Add(15*time.Minute), *token.ExpirationTime, time.Minute)
}

func TestConsulGivesEachServiceItsOwn(t *testing.T) {
	env := controlplanetest.Start(t)
	token, err := consulLogin(t, env, env.JWT(t, "notification", "consul"))
	require.NoError(t, err)
	client := consulWith(t, env, token.SecretID)
	agent := client.Agent()

	require.Error(t, agent.ServiceRegister(&api.AgentServiceRegistration{Name: "payments", Port: 1}), "as another service")
	_, _, err = agent.ConnectCALeaf("payments", nil)
	require.Error(t, err, "another service's leaf")
	_, _, err = client.ConfigEntries().Set(&api.ServiceIntentionsConfigEntry{Kind: api.ServiceIntentions, Name: "notification",
		Sources: []*api.SourceIntention{{Name: "*", Action: api.IntentionActionAllow}}}, nil)
	require.Error(t, err, "its own intentions")
	_, err = client.KV().Put(&api.KVPair{Key: "keys/x"}, nil)
	require.Error(t, err, "a key")
	_, _, err = client.ACL().TokenList(nil)
	require.Error(t, err, "the list of tokens")
	nodes, _, err := consulWith(t, env, "").Catalog().Nodes(nil)
	require.True(t, err != nil || len(nodes) == 0, "who has no token sees nothing")

	require.NoError(t, agent.ServiceRegister(&api.AgentServiceRegistration{Name: "notification", Port: 1}))
	require.NoError(t, agent.ServiceDeregister("notification"))
	leaf, _, err := agent.ConnectCALeaf("notification", nil)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Hour), leaf.ValidBefore, 2*time.Minute)
}

func TestIntentionsAreTheTopologys(t *testing.T) {
	env := controlplanetest.Start(t)
	require.NoError(t, env.AsConsulOperator(t.Context(), func(client *api.Client) error {
		for _, source := range env.Topology.Names() {
			for _, destination := range env.Topology.Names() {
				if source == destination {
					continue
				}
				allowed, _, err := client.Connect().IntentionCheck(&api.IntentionCheck{Source: source, Destination: destination}, nil)
				require.NoError(t, err)
				require.Equal(t, contains(env.Topology.Callers(destination), source), allowed, "%s -> %s", source, destination)
			}
		}
		tokens, _, err := client.ACL().TokenList(nil)
		require.NoError(t, err)
		for _, token := range tokens {
			for _, policy := range token.Policies {
				require.NotEqual(t, "global-management", policy.Name, "no bootstrap token is left")
			}
		}
		return nil
	}))
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}
