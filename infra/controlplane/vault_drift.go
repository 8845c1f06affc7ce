package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	vault "github.com/hashicorp/vault/api"
	"golang.org/x/sync/errgroup"
)

// vaultDrift reads back what is declared, and lists what is there besides.
func (p *Plane) vaultDrift(ctx context.Context) ([]Difference, error) {
	as, err := p.looker.vaultAs(ctx, p)
	if err != nil {
		return nil, err
	}
	want, err := p.declaredVault()
	if err != nil {
		return nil, err
	}
	found, err := readBack(ctx, as, want)
	for _, look := range []func() ([]Difference, error){
		func() ([]Difference, error) { return undeclared(ctx, as, want) },
		func() ([]Difference, error) { return entityDrift(ctx, as) },
		func() ([]Difference, error) { return p.tokenRoleDrift(ctx, as) },
		func() ([]Difference, error) { return vaultTokenDrift(ctx, as) },
	} {
		var more []Difference
		if err == nil {
			more, err = look()
		}
		found = append(found, more...)
	}
	if err != nil {
		return nil, p.looker.forgetOn(fmt.Errorf("ask Vault: %w", err))
	}
	return found, nil
}

// declaredVault is what to find at which path of Vault's.
func (p *Plane) declaredVault() (map[string]map[string]any, error) {
	want := map[string]map[string]any{}
	for _, file := range []string{"vault/1-operator.yaml", "vault/2-connect.yaml", "vault/3-platform.yaml"} {
		text, err := p.renderVault(file)
		if err != nil {
			return nil, err
		}
		stages, err := parseWrites(file, text)
		if err != nil {
			return nil, err
		}
		for _, w := range slices.Concat(stages...) {
			if w.Unless == "" { // else it makes something at another path
				want[w.Path] = w.Data
			}
		}
	}
	for _, name := range Workloads(p.cfg.Topology) {
		role, err := loginRole(name, nil, !p.off(Attest))
		if err != nil {
			return nil, err
		}
		if want["auth/jwt/role/"+name] = role; p.IsShutOut(name) {
			delete(want, "auth/jwt/role/"+name)
		}
	}
	for _, name := range p.databases() {
		for _, role := range []string{name, name + "-migrate"} {
			data, err := p.leaseRole(name, role, nil, !p.off(DBLease))
			if err != nil {
				return nil, err
			}
			for _, statements := range []string{"creation_statements", "revocation_statements"} {
				data[statements] = []any{data[statements]} // as Vault gives them back
			}
			want["database/roles/"+role] = data
		}
		want["database/config/"+name] = map[string]any{"plugin_name": "postgresql-database-plugin", "allowed_roles": []any{name, name + "-migrate"}}
	}
	if !p.meshCAMu.TryLock() { // being rotated: this look doesn't count
		return want, nil
	}
	defer p.meshCAMu.Unlock()
	if p.meshCA != firstMeshCA { // Consul drops the intermediate before
		delete(want, "sys/mounts/"+firstMeshCA.Inter)
		want["sys/mounts/"+p.meshCA.Inter] = map[string]any{"type": "pki"}
	}
	policy, err := consulPolicy(p.meshCA)
	want["sys/policies/acl/consul"] = map[string]any{"policy": policy}
	return want, err
}

// readBack says what isn't at its path, or is another.
func readBack(ctx context.Context, as *vault.Client, want map[string]map[string]any) (found []Difference, err error) {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(applyAtOnce)
	for at, data := range want {
		group.Go(func() error {
			have, err := readVault(ctx, as, at)
			if err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
			says, wider := "", true
			if have == nil {
				says, wider = "Vault has no %s, which is declared", false
			} else if fields := differing(data, have); len(fields) > 0 {
				says = "Vault's %s isn't as it is declared: " + strings.Join(fields, ", ")
			}
			if says != "" {
				mu.Lock()
				defer mu.Unlock()
				found = append(found, Difference{Server: Vault, Kind: kindAt(at), Name: path.Base(at), Wider: wider, Found: fmt.Sprintf(says, at),
					Mend: "write again what infra/controlplane/vault declares; Vault's audit log says who changed it"})
			}
			return nil
		})
	}
	return found, group.Wait()
}

// readVault reads a path; nil where nothing is. Audit devices can only be listed.
func readVault(ctx context.Context, as *vault.Client, at string) (map[string]any, error) {
	parent, name := path.Split(at)
	if parent == "sys/audit/" {
		all, err := as.Logical().ReadWithContext(ctx, "sys/audit")
		if err != nil || all == nil {
			return nil, err
		}
		device, _ := all.Data[name+"/"].(map[string]any)
		return device, nil
	}
	secret, err := as.Logical().ReadWithContext(ctx, at)
	var status *vault.ResponseError
	absent := errors.As(err, &status) && (status.StatusCode == http.StatusNotFound || status.StatusCode == http.StatusBadRequest)
	switch {
	case absent || err == nil && secret == nil:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return secret.Data, nil
}

// kinds names what is at a path, by its folder.
var kinds = map[string]string{
	"sys/policies/acl": "policy", "auth/jwt/role": "login role", "auth/jwt": "login", "sys/mounts": "mount", "sys/auth": "login method", "sys/audit": "audit device",
	"transit/keys": "key", "database/roles": "database role", "database/config": "database", "identity/oidc/key": "key", "identity/oidc": "token issuer",
	"pki-edge/roles": "certificate role",
}

func kindAt(at string) string {
	if kind := kinds[path.Dir(at)]; kind != "" {
		return kind
	}
	return path.Dir(at)
}

// differing names the declared fields that are others. What isn't declared is Vault's default, or can't widen what is.
func differing(want, have map[string]any) (fields []string) {
	for name, v := range want {
		if !same(v, have[name]) {
			fields = append(fields, name)
		}
	}
	slices.Sort(fields)
	return fields
}

// undeclared lists what is there and isn't declared, where it would open something.
func undeclared(ctx context.Context, as *vault.Client, want map[string]map[string]any) (found []Difference, err error) {
	own := map[string][]string{ // Vault's own
		"sys/policies/acl": {"default", "root"}, "sys/auth": {"token"}, "sys/mounts": {"cubbyhole", "identity", "sys"},
	}
	for _, folder := range []string{"sys/policies/acl", "auth/jwt/role", "database/roles", "transit/keys", "sys/auth", "sys/mounts", "sys/audit"} {
		names, err := namesIn(ctx, as, folder)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", folder, err)
		}
		for _, name := range names {
			at := folder + "/" + name
			if want[at] != nil || slices.Contains(own[folder], name) || strings.HasPrefix(at, "sys/mounts/mesh/") { // of a rotated CA
				continue
			}
			found = append(found, Difference{Server: Vault, Kind: kindAt(at), Name: name, Wider: true, Found: "Vault has " + at + ", which isn't declared",
				Mend: "delete it; Vault's audit log says who made it"})
		}
	}
	return found, nil
}

func namesIn(ctx context.Context, as *vault.Client, folder string) ([]string, error) {
	if !strings.HasPrefix(folder, "sys/") || folder == "sys/policies/acl" {
		return list(ctx, as, folder)
	}
	all, err := as.Logical().ReadWithContext(ctx, folder)
	if err != nil || all == nil {
		return nil, err
	}
	var names []string
	for name, v := range all.Data {
		if _, is := v.(map[string]any); is && strings.HasSuffix(name, "/") {
			names = append(names, strings.TrimSuffix(name, "/"))
		}
	}
	slices.Sort(names)
	return names, nil
}

func texts(v any) []string {
	all, _ := v.([]any)
	names := make([]string, len(all))
	for i := range all {
		names[i] = text(all[i])
	}
	return names
}
