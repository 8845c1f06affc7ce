package apikey_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	consul "github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/apikey"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/secrets"
)

func TestMain(m *testing.M) { os.Exit(controlplanetest.Main(m)) }

func record(principal string, life time.Duration) apikey.Record {
	return apikey.Record{Principal: principal, Scopes: []string{"documents:read"}, Created: time.Now(), Expires: time.Now().Add(life)}
}

func TestVerifyRefuses(t *testing.T) {
	pepper := []byte("pepper of version 1")
	set := apikey.NewSet(func(_ context.Context, version int) ([]byte, error) {
		if version != 1 {
			return nil, fmt.Errorf("there is no version %d", version)
		}
		return pepper, nil
	})
	good, expired, other := record("alice", time.Hour), record("alice", -time.Second), record("bob", time.Hour)
	key, old := apikey.New(&good, pepper, 1), apikey.New(&expired, pepper, 1)
	foreign := apikey.New(&other, []byte("another pepper"), 1)

	_, err := set.Verify(key.Reveal())
	require.Equal(t, fault.Unavailable, fault.KindOf(err), "nothing is known yet")
	require.NoError(t, set.Update(t.Context(), []apikey.Record{good, expired, other}))
	_, err = set.Verify(key.Reveal())
	require.Equal(t, fault.Unavailable, fault.KindOf(err), "Consul hasn't said that it is so")
	set.Confirm()

	text := key.Reveal()
	for name, bad := range map[string]string{
		"nothing": "", "not a key": "secret", "its prefix alone": "rdk_" + good.Prefix, "expired": old.Reveal(), "hashed with another pepper": foreign.Reveal(),
		"one character changed": text[:len(text)-2] + "~~", "another secret": text[:15] + strings.Repeat("A", 43),
		"another's prefix": "rdk_" + other.Prefix + text[14:], "with a newline": text + "\n", "upper case": strings.ToUpper(text),
	} {
		_, err := set.Verify(bad)
		require.Equal(t, fault.Unauthenticated, fault.KindOf(err), "%s: %v", name, err)
		if len(bad) > 20 {
			require.NotContains(t, err.Error(), bad)
		}
	}
	found, err := set.Verify(text)
	require.NoError(t, err)
	require.Equal(t, "alice", found.Principal)

	v2 := good
	v2.Pepper = 2
	require.ErrorContains(t, set.Update(t.Context(), []apikey.Record{v2, good}), "version 2")
}

func TestKeyPrintsNothing(t *testing.T) {
	r := record("alice", time.Hour)
	key := apikey.New(&r, []byte("pepper"), 1)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "key", key)
	stored, err := json.Marshal(struct{ Key, Record any }{key, r})
	require.NoError(t, err)
	for _, printed := range []string{fmt.Sprint(key), fmt.Sprintf("%#v %d %s", key, key, key), log.String(), string(stored)} {
		require.NotContains(t, printed, key.Reveal()[15:])
	}
	require.Contains(t, log.String(), "[redacted]")

	set := apikey.NewSet(func(context.Context, int) ([]byte, error) { return []byte("pepper"), nil })
	require.NoError(t, set.Update(t.Context(), []apikey.Record{r}))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		require.Equal(t, "API keys", fmt.Sprintf(verb, set))
	}
}

// watched is a set that follows the real Consul, hashing with what the real Vault derives for the gateway.
func watched(t *testing.T, env *controlplanetest.Env) *apikey.Set {
	t.Helper()
	vault, err := secrets.Login(t.Context(), secrets.Config{Addr: env.VaultAddr, CAFile: env.CAFile, JWTFile: env.JWTFile("gateway", "vault"), Role: "gateway"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, vault.Close(context.Background())) })
	set := apikey.NewSet(func(ctx context.Context, version int) ([]byte, error) {
		pepper, _, err := vault.Transit(apikey.PepperKey).HMAC(ctx, []byte(apikey.PepperPurpose), version)
		return pepper, err
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	watch := apikey.Watch{Addr: env.ConsulHTTP, CAFile: env.CAFile, JWTFile: env.JWTFile("gateway", "consul"), Log: slog.New(slog.DiscardHandler)}
	go func() { ended <- watch.Run(ctx, set) }()
	t.Cleanup(func() { stop(); require.NoError(t, <-ended) })
	return set
}

func issue(t *testing.T, env *controlplanetest.Env, r apikey.Record) (key, prefix string) {
	t.Helper()
	pepper, version, err := env.Pepper(t.Context(), apikey.PepperKey, apikey.PepperPurpose, 0)
	require.NoError(t, err)
	secret := apikey.New(&r, pepper, version)
	stored, err := json.Marshal(r)
	require.NoError(t, err)
	require.NotContains(t, string(stored), secret.Reveal()[15:])
	put(t, env, r.Prefix, stored)
	return secret.Reveal(), r.Prefix
}

func put(t *testing.T, env *controlplanetest.Env, prefix string, value []byte) {
	t.Helper()
	require.NoError(t, env.AsConsulOperator(t.Context(), func(c *consul.Client) error {
		_, err := c.KV().Put(&consul.KVPair{Key: apikey.Folder + prefix, Value: value}, nil)
		return err
	}))
}

func TestWatch(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	set := watched(t, env)
	good := func(key string) func() bool {
		return func() bool { _, err := set.Verify(key); return err == nil }
	}
	put(t, env, "broken", []byte("{}"))
	key, prefix := issue(t, env, record("alice", time.Hour))
	require.Eventually(t, good(key), 5*time.Second, 5*time.Millisecond, "a broken record doesn't matter")

	// The pepper's key is rotated: keys issued before stay good, beside new ones.
	_, err := env.RotateTransit(t.Context(), apikey.PepperKey)
	require.NoError(t, err)
	second, _ := issue(t, env, record("bob", time.Hour))
	require.Eventually(t, good(second), 5*time.Second, 5*time.Millisecond)
	require.True(t, good(key)())

	revoked := time.Now()
	require.NoError(t, env.AsConsulOperator(t.Context(), func(c *consul.Client) error {
		_, err := c.KV().Delete(apikey.Folder+prefix, nil)
		return err
	}))
	require.Eventually(t, func() bool { return !good(key)() }, time.Second, time.Millisecond)
	t.Logf("revoked within %s", time.Since(revoked).Round(time.Millisecond))
	require.True(t, good(second)())

	env.Stop(t, controlplane.Consul)
	require.True(t, good(second)(), "Consul is away for a moment")
	env.Restart(t, controlplane.Consul)
	third, _ := issue(t, env, record("carol", time.Hour))
	require.Eventually(t, good(third), 15*time.Second, 10*time.Millisecond, "caught up by itself")
}

func TestOnlyTheGatewayReadsRecords(t *testing.T) {
	env := controlplanetest.Start(t)
	_, prefix := issue(t, env, record("alice", time.Hour))
	for _, subject := range []string{"payments", "notification", "gateway"} {
		c, err := consul.NewClient(&consul.Config{Address: env.ConsulHTTP, Scheme: "https", TLSConfig: consul.TLSConfig{CAFile: env.CAFile}})
		require.NoError(t, err)
		token, _, err := c.ACL().Login(&consul.ACLLoginParams{AuthMethod: "workloads", BearerToken: env.JWT(t, subject, "consul")}, nil)
		require.NoError(t, err)
		pair, _, err := c.KV().Get(apikey.Folder+prefix, &consul.QueryOptions{Token: token.SecretID})
		if subject == "gateway" {
			require.NoError(t, err)
			require.NotNil(t, pair)
		} else {
			require.True(t, err != nil || pair == nil, subject)
		}
		_, err = c.KV().Put(&consul.KVPair{Key: apikey.Folder + "planted", Value: []byte("{}")}, &consul.WriteOptions{Token: token.SecretID})
		require.ErrorContains(t, err, "Permission denied", subject)
	}
}
