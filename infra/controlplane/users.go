package controlplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	vault "github.com/hashicorp/vault/api"
	"golang.org/x/sync/errgroup"
)

// userSubject is a demo user's subject in documents: a user named like a service is still another subject.
func userSubject(user string) string { return "user/" + user }

// makeUsers gives each demo user an entity, whose name becomes the username in access tokens, known by the
// user's subject on the JWT mount.
func (p *Plane) makeUsers(ctx context.Context, as *vault.Client) error {
	mount, err := as.Logical().ReadWithContext(ctx, "sys/auth/jwt")
	if err != nil {
		return fmt.Errorf("make users: %w", err)
	}
	accessor, _ := mount.Data["accessor"].(string)
	group, ctx := errgroup.WithContext(ctx)
	for user, scopes := range p.cfg.Topology.Users {
		group.Go(func() error {
			if err := makeUser(ctx, as, user, accessor); err != nil {
				return fmt.Errorf("make user %s: %w", user, err)
			}
			// Vault publishes a signing key only once a role uses it; whoever reads the keys early wants it there.
			if err := p.makeTokenRole(ctx, as, user, scopes, ""); err != nil {
				return fmt.Errorf("make token role of %s: %w", user, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func makeUser(ctx context.Context, as *vault.Client, user, accessor string) error {
	entity, err := as.Logical().ReadWithContext(ctx, "identity/entity/name/"+user)
	if err != nil {
		return err
	}
	if entity == nil {
		entity, err = as.Logical().WriteWithContext(ctx, "identity/entity/name/"+user, nil)
		if err != nil {
			return err
		}
	} else if aliases, _ := entity.Data["aliases"].([]any); len(aliases) > 0 {
		return nil
	}
	_, err = as.Logical().WriteWithContext(ctx, "identity/entity-alias", map[string]any{
		"name": userSubject(user), "canonical_id": entity.Data["id"], "mount_accessor": accessor,
	})
	return err
}

// AccessToken logs a demo user in and returns an OAuth access token, as a JWT, for the scopes asked for: all of
// the user's when none is named. It is good for 15 minutes.
//
// It is one of Vault's identity tokens. Claims are fixed by the role that it is read from, so each user and set
// of scopes has a role, made here by the operator when first asked for; a user may read their own and write none.
func (p *Plane) AccessToken(ctx context.Context, user string, scopes []string) (string, error) {
	return p.BoundToken(ctx, user, scopes, "")
}

var jwkThumbprint = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// BoundToken is AccessToken, bound to the key with a thumbprint (RFC 9449, section 6.1): of no use to whoever doesn't hold that.
func (p *Plane) BoundToken(ctx context.Context, user string, scopes []string, key string) (string, error) {
	if key != "" && !jwkThumbprint.MatchString(key) {
		return "", fmt.Errorf("%q is no SHA-256 thumbprint of a JWK (RFC 7638)", key)
	}
	allowed, ok := p.cfg.Topology.Users[user]
	if !ok {
		return "", fmt.Errorf("there is no demo user %q", user)
	}
	if len(scopes) == 0 {
		scopes = allowed
	}
	for _, scope := range scopes {
		if !slices.Contains(allowed, scope) {
			return "", fmt.Errorf("%s may not have the scope %q, only %s", user, scope, strings.Join(allowed, " "))
		}
	}
	scopes = scopeSet(scopes)
	role := tokenRole(user, scopes, key)
	if _, made := p.tokenRoles.Load(role); !made {
		operator, err := p.Operator(ctx)
		if err != nil {
			return "", err
		}
		if err := p.makeTokenRole(ctx, operator, user, scopes, key); err != nil {
			return "", fmt.Errorf("make token role: %w", err)
		}
	}
	asUser, err := p.loginVault(ctx, userSubject(user), "user")
	if err != nil {
		return "", err
	}
	secret, err := asUser.Logical().ReadWithContext(ctx, "identity/oidc/token/"+role)
	if err != nil {
		return "", fmt.Errorf("get access token of %s: %w", user, err)
	}
	token, _ := secret.Data["token"].(string)
	if token == "" {
		return "", errors.New("Vault's answer has no access token")
	}
	return token, nil
}

// scopeSet is the one spelling of a set: sorted, each scope once.
func scopeSet(scopes []string) []string { return slices.Compact(slices.Sorted(slices.Values(scopes))) }

// tokenRole names the role of a user, a set of scopes (see scopeSet), and maybe a key: "alice.documents_read.inbox_read". The first dot ends
// the user's name, which is what policies/user.hcl relies on.
func tokenRole(user string, scopes []string, key string) string {
	if key != "" {
		scopes = append(slices.Clone(scopes), key)
	}
	return user + "." + strings.ReplaceAll(strings.Join(scopes, "."), ":", "_")
}

func (p *Plane) makeTokenRole(ctx context.Context, operator *vault.Client, user string, scopes []string, key string) error {
	scopes = scopeSet(scopes)
	role := tokenRole(user, scopes, key)
	scope, err := json.Marshal(strings.Join(scopes, " "))
	if err != nil {
		return err
	}
	bound := ""
	if key != "" {
		bound = fmt.Sprintf(`, "cnf": {"jkt": %q} `, key) // to Vault, two braces are a template's
	}
	if _, err := operator.Logical().WriteWithContext(ctx, "identity/oidc/role/"+role, map[string]any{
		"key": "redoubt", "client_id": "redoubt", "ttl": "15m",
		// Vault quotes the entity's name itself.
		"template": fmt.Sprintf(`{"username": {{identity.entity.name}}, "scope": %s%s}`, scope, bound),
	}); err != nil {
		return err
	}
	p.tokenRoles.Store(role, true)
	return nil
}
