package controlplane

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	consul "github.com/hashicorp/consul/api"
	vault "github.com/hashicorp/vault/api"
	"golang.org/x/sync/errgroup"
)

// The controls that are enforced by what is applied here, and nowhere else.
const (
	Attest  = "infra.attest"   // Vault takes a workload's document for that workload's login alone, and only while it is fresh
	DBLease = "infra.db-lease" // a login to a database ends with its lease
	Catalog = "infra.catalog"  // Consul lets a service register itself alone
	Ledger  = "infra.ledger"   // PostgreSQL decides about balances and refunds, under a lock

	VaultPolicy = "infra.vault-policy" // Vault gives a workload what is in the policy of its name, and nothing else
)

// Switchable are the controls that SwitchOff knows.
var Switchable = []string{Attest, DBLease, Catalog, Ledger, VaultPolicy}

// SwitchOff has Vault, Consul and PostgreSQL go on without the given controls, and with the others of Switchable: without any, all
// are in force. It exists to show what each of them stops. A Vault that is started again enforces all of its own.
func (p *Plane) SwitchOff(ctx context.Context, off ...string) error {
	for _, id := range off {
		if !slices.Contains(Switchable, id) {
			return fmt.Errorf("the control plane doesn't enforce %q", id)
		}
	}
	defer p.changes.begin()()
	operator, err := p.Operator(ctx)
	if err != nil {
		return err
	}
	for _, id := range Switchable {
		p.switched.Store(id, slices.Contains(off, id))
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(applyAtOnce)
	for _, name := range Workloads(p.cfg.Topology) {
		group.Go(func() error { return p.attestRole(ctx, operator, name, !slices.Contains(off, Attest)) })
	}
	for _, name := range p.databases() {
		group.Go(func() error { return p.leaseRoles(ctx, operator, name, !slices.Contains(off, DBLease)) })
	}
	group.Go(func() error {
		return p.AsConsulOperator(ctx, func(client *consul.Client) error { return registerAnything(ctx, client, slices.Contains(off, Catalog)) })
	})
	group.Go(func() error { return anySecret(ctx, operator, slices.Contains(off, VaultPolicy)) })
	group.Go(func() error { return p.guardLedger(ctx, !slices.Contains(off, Ledger)) })
	if err := group.Wait(); err != nil {
		return fmt.Errorf("switch controls of the control plane: %w", err)
	}
	return nil
}

// off tells whether a control is switched off.
func (p *Plane) off(id string) bool { off, _ := p.switched.Load(id); return off == true }

// roleJSON is the role by which a workload logs in to Vault.
const roleJSON = "vault/role.json"

// attestRole binds the login of a workload to its document; or to any document that our attestor ever signed.
func (p *Plane) attestRole(ctx context.Context, as *vault.Client, name string, on bool) error {
	role, err := loginRole(name, p.edits(), on)
	if err != nil {
		return err
	}
	_, err = as.Logical().WriteWithContext(ctx, "auth/jwt/role/"+name, role)
	return err
}

func loginRole(name string, files edited, on bool) (role map[string]any, err error) {
	text, err := files.render(roleJSON, name, nil)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(text), &role); err != nil {
		return nil, fmt.Errorf("%s: %w", roleJSON, err)
	}
	if !on {
		const day = 24 * 60 * 60
		role["bound_subject"], role["bound_audiences"] = "", []string{"vault", "consul"}
		role["clock_skew_leeway"], role["expiration_leeway"] = day, day
	}
	return role, nil
}

// everySecret is what anySecret gives to all.
const everySecret = `
path "database/creds/*" { capabilities = ["read"] }
path "transit/*"        { capabilities = ["create", "read", "update"] }
path "pki-edge/*"       { capabilities = ["create", "update"] }
`

// anySecret writes the policy that all workloads share: as it is declared, or with every secret of the platform's. It is in force for
// those who are logged in, too.
func anySecret(ctx context.Context, as *vault.Client, allow bool) error {
	policy, err := declared.ReadFile("vault/policies/workload.hcl")
	if err != nil {
		return err
	}
	if allow {
		policy = append(policy, everySecret...)
	}
	return as.Sys().PutPolicyWithContext(ctx, "workload", string(policy))
}

// forever makes a login of one that ends with its lease.
func forever(create string) string {
	return strings.Replace(create, " VALID UNTIL '{{expiration}}'", "", 1)
}

// anyService is the policy of whoever may register as anybody.
const anyService = "any-service"

// registerAnything gives every workload that logs in to Consul that policy, or takes it away from those who log in from
// now on, and from those who have it.
func registerAnything(ctx context.Context, client *consul.Client, allow bool) error {
	policy, _, err := client.ACL().PolicyReadByName(anyService, consulRead(ctx))
	switch {
	case err != nil:
		return fmt.Errorf("read Consul's policy %s: %w", anyService, err)
	case allow == (policy != nil):
		return nil
	case allow:
		rule := &consul.ACLBindingRule{AuthMethod: authMethod, BindType: consul.BindingRuleBindTypePolicy, BindName: anyService}
		if _, _, err := client.ACL().PolicyCreate(&consul.ACLPolicy{Name: anyService, Rules: `service_prefix "" { policy = "write" }`}, consulWrite(ctx)); err != nil {
			return err
		}
		_, _, err := client.ACL().BindingRuleCreate(rule, consulWrite(ctx))
		return err
	}
	rules, _, err := client.ACL().BindingRuleList(authMethod, consulRead(ctx))
	if err != nil {
		return err
	}
	for _, rule := range rules {
		if rule.BindName == anyService {
			if _, err := client.ACL().BindingRuleDelete(rule.ID, consulWrite(ctx)); err != nil {
				return err
			}
		}
	}
	_, err = client.ACL().PolicyDelete(policy.ID, consulWrite(ctx))
	return err
}

// ledgerDatabase is the one whose constraints are infra.ledger.
const ledgerDatabase = "payments"

// guardLedger takes the ledger's constraints away, or puts them back with the books in order. A ledger that isn't there
// yet gets them from its migrations.
func (p *Plane) guardLedger(ctx context.Context, on bool) error {
	if !slices.Contains(p.databases(), ledgerDatabase) {
		return nil
	}
	file := "ledger-off.sql"
	if on {
		file = "ledger-on.sql"
	}
	return p.runSQL(ctx, ledgerDatabase, file, nil)
}
