package controlplane_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	consul "github.com/hashicorp/consul/api"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/controlplane/controlplanetest"
)

// drifts are changes by hand: each is made, has to be found and named, and is undone.
var drifts = []struct {
	what       string
	make, undo func(*testing.T, *controlplanetest.Env)
	want       controlplane.Difference // without Mend
}{
	{
		"an intention by hand",
		writeIntention("payments", consul.SourceIntention{Name: "notification", Action: consul.IntentionActionAllow}), dropIntentions("payments", "notification"),
		controlplane.Difference{Server: "consul", Kind: "intention", Name: "notification -> payments", Wider: true,
			Found: "notification -> payments: allowed, and topology.yaml doesn't list this caller"},
	},
	{
		"an intention for everybody",
		writeIntention("modelstore", consul.SourceIntention{Name: "*", Action: consul.IntentionActionAllow}), dropIntentions("modelstore", "*"),
		controlplane.Difference{Server: "consul", Kind: "intention", Name: "* -> modelstore", Wider: true,
			Found: "* -> modelstore: allowed, and topology.yaml doesn't list this caller"},
	},
	{
		"an intention turned to deny",
		writeIntention("inference", consul.SourceIntention{Name: "ingestion", Action: consul.IntentionActionDeny}),
		writeIntention("inference", consul.SourceIntention{Name: "ingestion", Action: consul.IntentionActionAllow}),
		controlplane.Difference{Server: "consul", Kind: "intention", Name: "ingestion -> inference",
			Found: "ingestion -> inference: not allowed, though topology.yaml lists this caller"},
	},
	{
		"what every proxy is told",
		asConsul(func(c *consul.Client) error {
			_, _, err := c.ConfigEntries().Set(&consul.ProxyConfigEntry{Kind: consul.ProxyDefaults, Name: consul.ProxyConfigGlobal, MeshGateway: consul.MeshGatewayConfig{Mode: "local"}}, nil)
			return err
		}),
		asConsul(func(c *consul.Client) error {
			_, err := c.ConfigEntries().Delete(consul.ProxyDefaults, consul.ProxyConfigGlobal, nil)
			return err
		}),
		controlplane.Difference{Server: "consul", Kind: "proxy-defaults", Name: "global", Wider: true,
			Found: "there is a proxy-defaults of global, and none is declared: it may lead requests elsewhere"},
	},
	{
		"a token by hand",
		asConsul(func(c *consul.Client) error {
			_, _, err := c.ACL().TokenCreate(&consul.ACLToken{AccessorID: "00000000-1111-2222-3333-444444444444", ServiceIdentities: []*consul.ACLServiceIdentity{{ServiceName: "payments"}}}, nil)
			return err
		}),
		asConsul(func(c *consul.Client) error {
			_, err := c.ACL().TokenDelete("00000000-1111-2222-3333-444444444444", nil)
			return err
		}),
		controlplane.Difference{Server: "consul", Kind: "token", Name: "00000000-1111-2222-3333-444444444444", Wider: true,
			Found: "Consul has a token 00000000-1111-2222-3333-444444444444 that nobody got by logging in"},
	},
	{
		"a binding rule by hand",
		asConsul(func(c *consul.Client) error {
			_, _, err := c.ACL().BindingRuleCreate(&consul.ACLBindingRule{ID: "", AuthMethod: "workloads", Selector: `value.subject == "notification"`,
				BindType: consul.BindingRuleBindTypeService, BindName: "payments"}, nil)
			return err
		}),
		asConsul(func(c *consul.Client) error {
			rules, _, err := c.ACL().BindingRuleList("workloads", nil)
			for _, rule := range rules {
				if rule.BindName == "payments" && rule.Selector == `value.subject == "notification"` {
					_, err = c.ACL().BindingRuleDelete(rule.ID, nil)
				}
			}
			return err
		}),
		controlplane.Difference{Server: "consul", Kind: "binding rule", Name: "payments", Wider: true,
			Found: `who has value.subject == "notification" and logs in to Consul gets the service payments, which isn't declared`},
	},
	{
		"a line in a policy of Vault's",
		appendPolicy("notification", "\npath \"database/creds/payments\" { capabilities = [\"read\"] }\n"), appendPolicy("notification", ""),
		controlplane.Difference{Server: "vault", Kind: "policy", Name: "notification", Wider: true,
			Found: "Vault's sys/policies/acl/notification isn't as it is declared: policy"},
	},
	{
		"a policy of Vault's that nobody declared",
		appendPolicy("backdoor", "path \"*\" { capabilities = [\"read\"] }"), deleteVault("sys/policies/acl/backdoor"),
		controlplane.Difference{Server: "vault", Kind: "policy", Name: "backdoor", Wider: true,
			Found: "Vault has sys/policies/acl/backdoor, which isn't declared"},
	},
	{
		"a login role by hand",
		writeVault("auth/jwt/role/backdoor", map[string]any{"role_type": "jwt", "user_claim": "sub", "bound_audiences": "vault", "token_policies": "payments"}),
		deleteVault("auth/jwt/role/backdoor"),
		controlplane.Difference{Server: "vault", Kind: "login role", Name: "backdoor", Wider: true, Found: "Vault has auth/jwt/role/backdoor, which isn't declared"},
	},
	{
		"a login role bound to somebody else",
		writeVault("auth/jwt/role/modelstore", map[string]any{"role_type": "jwt", "user_claim": "sub", "bound_subject": "notification", "bound_audiences": "vault"}),
		writeVault("auth/jwt/role/modelstore", map[string]any{"role_type": "jwt", "user_claim": "sub", "bound_subject": "modelstore", "bound_audiences": "vault"}),
		controlplane.Difference{Server: "vault", Kind: "login role", Name: "modelstore", Wider: true,
			Found: "Vault's auth/jwt/role/modelstore isn't as it is declared: bound_subject"},
	},
	{
		"scopes beyond the user's own",
		writeVault("identity/oidc/role/alice.payments_credit", map[string]any{"key": "redoubt", "client_id": "redoubt", "ttl": "15m",
			"template": `{"username": {{identity.entity.name}}, "scope": "payments:credit"}`}),
		deleteVault("identity/oidc/role/alice.payments_credit"),
		controlplane.Difference{Server: "vault", Kind: "token role", Name: "alice.payments_credit", Wider: true,
			Found: "access tokens of Vault's role alice.payments_credit say more than topology.yaml gives the user alice"},
	},
	{
		"an entity with a policy",
		writeVault("identity/entity/name/alice", map[string]any{"policies": "payments"}), writeVault("identity/entity/name/alice", map[string]any{"policies": []string{}}),
		controlplane.Difference{Server: "vault", Kind: "entity", Name: "alice", Wider: true,
			Found: "Vault's entity alice has the policies payments, and by their login alone they would have none"},
	},
	{
		"how Vault makes logins",
		writeVault("database/roles/payments", map[string]any{"db_name": "payments", "creation_statements": `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}';`}), nil,
		controlplane.Difference{Server: "vault", Kind: "database role", Name: "payments", Wider: true,
			Found: "Vault's database/roles/payments isn't as it is declared: creation_statements"},
	},
	{
		"a grant in PostgreSQL",
		sql("payments", "CREATE TABLE IF NOT EXISTS accounts (id text); ALTER TABLE accounts OWNER TO payments_owner; GRANT SELECT, UPDATE (id) ON accounts TO notification_app"),
		sql("payments", "DROP TABLE accounts"),
		controlplane.Difference{Server: "postgres", Kind: "grant", Name: "payments.accounts", Wider: true,
			Found: "in database payments, notification_app has SELECT on accounts, which isn't declared"},
	},
	{
		"a database opened to everybody",
		sql("postgres", "GRANT CONNECT ON DATABASE payments TO PUBLIC"), sql("postgres", "REVOKE CONNECT ON DATABASE payments FROM PUBLIC"),
		controlplane.Difference{Server: "postgres", Kind: "grant", Name: "payments.database payments", Wider: true,
			Found: "in database payments, PUBLIC has CONNECT on database payments, which isn't declared"},
	},
	{
		"a role in PostgreSQL",
		sql("postgres", "CREATE ROLE backdoor SUPERUSER LOGIN PASSWORD 'x'"), sql("postgres", "DROP ROLE backdoor"),
		controlplane.Difference{Server: "postgres", Kind: "role", Name: "backdoor", Wider: true,
			Found: "PostgreSQL has a role backdoor (SUPERUSER, LOGIN, WITHOUT END) that neither we nor Vault made"},
	},
	{
		"a membership in PostgreSQL",
		sql("postgres", "GRANT payments_owner TO notification_app"), sql("postgres", "REVOKE payments_owner FROM notification_app"),
		controlplane.Difference{Server: "postgres", Kind: "role", Name: "notification_app", Wider: true,
			Found: "PostgreSQL's role notification_app has more than is declared: member of payments_owner"},
	},
	{
		"a login that looks like Vault's",
		sql("postgres", `CREATE ROLE "payments-1700000000-AbCdEfGh" LOGIN PASSWORD 'x' IN ROLE payments_app VALID UNTIL 'infinity'`),
		sql("postgres", `DROP ROLE "payments-1700000000-AbCdEfGh"`),
		controlplane.Difference{Server: "postgres", Kind: "role", Name: "payments-1700000000-AbCdEfGh", Wider: true,
			Found: "PostgreSQL's role payments-1700000000-AbCdEfGh has more than is declared: WITHOUT END"},
	},
	{
		"a database in PostgreSQL",
		sql("postgres", "CREATE DATABASE copies"), sql("postgres", "DROP DATABASE copies"),
		controlplane.Difference{Server: "postgres", Kind: "database", Name: "copies", Wider: true,
			Found: "PostgreSQL has a database copies, which no service of topology.yaml owns"},
	},
	{
		"a line in pg_hba.conf",
		func(t *testing.T, env *controlplanetest.Env) {
			file, err := os.OpenFile(filepath.Join(env.Dir, "postgres", "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			defer file.Close()
			_, err = file.WriteString("host all all 127.0.0.1/32 trust\n")
			require.NoError(t, err)
		}, nil,
		controlplane.Difference{Server: "postgres", Kind: "access", Name: "pg_hba.conf", Wider: true,
			Found: "PostgreSQL's pg_hba.conf isn't the declared one: others may connect, or without a password"},
	},
}

func TestDriftIsFoundAndNamed(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	_, err := env.AccessToken(t.Context(), "bob", []string{"inbox:read"}) // what is in use is no drift
	require.NoError(t, err)
	_, err = mustLogin(t, env, "payments", "payments").Logical().Read("database/creds/payments")
	require.NoError(t, err)
	_, err = consulLogin(t, env, env.JWT(t, "payments", "consul"))
	require.NoError(t, err)
	none, err := env.Drift(t.Context())
	require.NoError(t, err)
	require.Empty(t, none)
	for _, d := range drifts {
		before, err := env.Drift(t.Context())
		require.NoError(t, err)
		d.make(t, env)
		found, err := env.Drift(t.Context())
		require.NoError(t, err, d.what)
		for i := range found {
			require.NotEmpty(t, found[i].Mend)
			found[i].Mend = ""
		}
		require.Contains(t, found, d.want, d.what)
		if d.undo == nil { // what stays is found by the next, too
			continue
		}
		d.undo(t, env)
		after, err := env.Drift(t.Context())
		require.NoError(t, err)
		require.Equal(t, before, after, "%s, undone", d.what)
	}
}

// TestWhatWeChangeIsNoDrift: a service that is shut out and a control that is off aren't changes by hand, not even half done.
func TestWhatWeChangeIsNoDrift(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	looked := make(chan error, 1)
	go func() {
		defer close(looked)
		for ctx.Err() == nil {
			found, err := env.Drift(ctx)
			if ctx.Err() == nil && (err != nil || len(found) > 0) {
				looked <- err
				t.Errorf("drift: %v %v", found, err)
				return
			}
		}
	}()
	for _, change := range []func() error{
		func() error { return env.ShutOut(ctx, "notification") },
		func() error { return env.SwitchOff(ctx, controlplane.Attest, controlplane.Catalog) },
		func() error { return env.LetIn(ctx, "notification") },
		func() error { return env.SwitchOff(ctx) },
		func() error { _, err := env.RotateMeshCA(ctx); return err },
	} {
		require.NoError(t, change())
	}
	cancel()
	require.NoError(t, <-looked)
	found, err := env.Drift(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
}

// TestIntentionDriftIsCheap: it's there to be asked each second.
func TestIntentionDriftIsCheap(t *testing.T) {
	env := controlplanetest.Start(t)
	_, err := env.IntentionDrift(t.Context())
	require.NoError(t, err)
	began, looks := time.Now(), 20
	for range looks {
		found, err := env.IntentionDrift(t.Context())
		require.NoError(t, err)
		require.Empty(t, found)
	}
	took := time.Since(began) / time.Duration(looks)
	t.Logf("a look takes %s", took)
	require.Less(t, took, 200*time.Millisecond)
}

type change = func(*testing.T, *controlplanetest.Env)

func asConsul(work func(*consul.Client) error) change {
	return func(t *testing.T, env *controlplanetest.Env) {
		require.NoError(t, env.AsConsulOperator(t.Context(), work))
	}
}

// writeIntention adds a source to a service's intentions, or changes it.
func writeIntention(callee string, source consul.SourceIntention) change {
	return asConsul(func(c *consul.Client) error {
		entry, _, err := c.ConfigEntries().Get(consul.ServiceIntentions, callee, nil)
		if err != nil {
			return err
		}
		intentions := entry.(*consul.ServiceIntentionsConfigEntry)
		kept := intentions.Sources[:0]
		for _, s := range intentions.Sources {
			if s.Name != source.Name {
				kept = append(kept, s)
			}
		}
		intentions.Sources = append(kept, &source)
		_, _, err = c.ConfigEntries().Set(intentions, nil)
		return err
	})
}

func dropIntentions(callee, caller string) change {
	return asConsul(func(c *consul.Client) error {
		entry, _, err := c.ConfigEntries().Get(consul.ServiceIntentions, callee, nil)
		if err != nil {
			return err
		}
		intentions := entry.(*consul.ServiceIntentionsConfigEntry)
		kept := intentions.Sources[:0]
		for _, s := range intentions.Sources {
			if s.Name != caller {
				kept = append(kept, s)
			}
		}
		intentions.Sources = kept
		_, _, err = c.ConfigEntries().Set(intentions, nil)
		return err
	})
}

func writeVault(path string, data map[string]any) change {
	return func(t *testing.T, env *controlplanetest.Env) {
		operator, err := env.Operator(t.Context())
		require.NoError(t, err)
		_, err = operator.Logical().Write(path, data)
		require.NoError(t, err)
	}
}

func deleteVault(path string) change {
	return func(t *testing.T, env *controlplanetest.Env) {
		operator, err := env.Operator(t.Context())
		require.NoError(t, err)
		_, err = operator.Logical().Delete(path)
		require.NoError(t, err)
	}
}

// appendPolicy writes a declared policy with something added to it, or another one.
func appendPolicy(name, more string) change {
	text, _ := os.ReadFile(filepath.Join("vault", "policies", name+".hcl"))
	return writeVault("sys/policies/acl/"+name, map[string]any{"policy": string(text) + more})
}

func sql(database, text string) change {
	return func(t *testing.T, env *controlplanetest.Env) {
		cfg := superuser(t, env).Config().Copy()
		cfg.Database = database
		conn, err := pgx.ConnectConfig(t.Context(), cfg)
		require.NoError(t, err)
		defer conn.Close(context.Background())
		_, err = conn.PgConn().Exec(t.Context(), text).ReadAll()
		require.NoError(t, err)
	}
}
