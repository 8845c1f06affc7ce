package controlplane

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	vault "github.com/hashicorp/vault/api"
)

// entityDrift: whoever logs in is an entity, and has rights by the role of the login alone.
func entityDrift(ctx context.Context, as *vault.Client) (found []Difference, err error) {
	names, err := list(ctx, as, "identity/entity/name")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		entity, err := readVault(ctx, as, "identity/entity/name/"+name)
		if err != nil {
			return nil, err
		}
		if policies := texts(entity["policies"]); len(policies) > 0 {
			found = append(found, Difference{Server: Vault, Kind: "entity", Name: name, Wider: true,
				Found: fmt.Sprintf("Vault's entity %s has the policies %s, and by their login alone they would have none", name, strings.Join(policies, ", ")), Mend: "take them away"})
		}
	}
	return found, nil
}

// tokenRoleDrift: a role of access tokens says who has it, and gives scopes that topology.yaml gives the user of its name.
func (p *Plane) tokenRoleDrift(ctx context.Context, as *vault.Client) (found []Difference, err error) {
	names, err := list(ctx, as, "identity/oidc/role")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		role, err := readVault(ctx, as, "identity/oidc/role/"+name)
		if err != nil {
			return nil, err
		}
		user, _, _ := strings.Cut(name, ".")
		if role == nil || text(role["key"]) == "redoubt" && within(text(role["template"]), p.cfg.Topology.Users[user]) {
			continue
		}
		found = append(found, Difference{Server: Vault, Kind: "token role", Name: name, Wider: true,
			Found: fmt.Sprintf("access tokens of Vault's role %s say more than topology.yaml gives the user %s", name, user), Mend: "delete the role: it is made again when it is asked for"})
	}
	return found, nil
}

// within tells whether a template of access tokens is as makeTokenRole writes it, with none but these scopes.
func within(template string, scopes []string) bool {
	var claims map[string]any
	if json.Unmarshal([]byte(strings.Replace(template, "{{identity.entity.name}}", `"its name"`, 1)), &claims) != nil || claims["username"] != "its name" {
		return false
	}
	for name := range claims {
		if name != "username" && name != "scope" && name != "cnf" { // cnf narrows: whoever has the key
			return false
		}
	}
	return !slices.ContainsFunc(strings.Fields(text(claims["scope"])), func(s string) bool { return !slices.Contains(scopes, s) })
}

// vaultTokenDrift: tokens come from logins, with the policies of the login's role.
func vaultTokenDrift(ctx context.Context, as *vault.Client) (found []Difference, err error) {
	err = eachToken(ctx, as, func(accessor string, token map[string]any) {
		meta, _ := token["meta"].(map[string]any)
		policies := texts(token["policies"])
		slices.Sort(policies)
		want := []string{"workload", text(meta["role"])}
		slices.Sort(want)
		if text(token["path"]) == "auth/jwt/login" && slices.Equal(policies, want) && len(texts(token["identity_policies"])) == 0 {
			return
		}
		found = append(found, Difference{Server: Vault, Kind: "token", Name: accessor, Wider: true,
			Found: fmt.Sprintf("Vault has given out a token with the policies %s, which no login gives", strings.Join(policies, ", ")), Mend: "lab revoke token " + accessor})
	})
	return found, err
}
