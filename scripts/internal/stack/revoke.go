package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	consul "github.com/hashicorp/consul/api"

	"redoubt.example/infra/controlplane"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/services/platform/apikey"
)

// Revoke implements control.SecretKeeper.
func (s *Stack) Revoke(ctx context.Context, what, id string) error {
	var err error
	switch what {
	case "lease":
		if id, err = s.wholeLease(ctx, id); err == nil {
			err = s.plane.RevokeLease(ctx, id)
		}
	case "token":
		err = s.plane.RevokeToken(ctx, id)
	case "key":
		err = s.revokeAPIKey(ctx, id)
	case "service":
		return s.shutOut(ctx, id)
	case "vault":
		return s.plane.Seal(ctx)
	default:
		return exit.Usagef("there is no %q to revoke", what)
	}
	if errors.Is(err, controlplane.ErrNoGrant) {
		return exit.Usagef("there is no %s %q, or it has ended", what, id)
	}
	return err
}

// wholeLease completes a lease's ID of which only the last part was given, as the table shows it.
func (s *Stack) wholeLease(ctx context.Context, id string) (string, error) {
	if strings.Contains(id, "/") {
		return id, nil
	}
	grants, err := s.plane.Grants(ctx)
	if err != nil {
		return "", err
	}
	for _, g := range grants {
		if g.Kind == controlplane.DatabaseLogin && path.Base(g.ID) == id {
			return g.ID, nil
		}
	}
	return "", controlplane.ErrNoGrant
}

// shutOut takes everything from a service. First the attestor stops issuing, or it would log straight back in.
func (s *Stack) shutOut(ctx context.Context, service string) error {
	if s.topology.Services[service] == nil {
		return exit.Usagef("there is no service %q: it is one of %s", service, strings.Join(s.topology.Names(), ", "))
	}
	for _, w := range s.instances {
		if w.identity == service {
			if err := s.withhold(w.name); err != nil {
				return fmt.Errorf("withhold the documents of %s: %w", w.name, err)
			}
		}
	}
	return s.plane.ShutOut(ctx, service)
}

// LetIn gives a service back what was revoked, when one of its components is started again; for any other it does
// nothing.
func (s *Stack) LetIn(ctx context.Context, component string) error {
	name := strings.TrimSuffix(component, sidecarSuffix)
	i := slices.IndexFunc(s.instances, func(w instance) bool { return w.name == name })
	if i < 0 || !s.plane.IsShutOut(s.instances[i].service) {
		return nil
	}
	service := s.instances[i].service
	if err := s.plane.LetIn(ctx, service); err != nil {
		return err
	}
	for _, w := range s.instances {
		if w.identity != service {
			continue
		}
		if err := s.restore(w.name); err != nil {
			return fmt.Errorf("give %s documents again: %w", w.name, err)
		}
	}
	return nil
}

const longestKey = 365 * 24 * time.Hour

// IssueAPIKey implements control.SecretKeeper. The key is in its answer and nowhere else.
func (s *Stack) IssueAPIKey(ctx context.Context, ask control.APIKeyRequest) (control.APIKey, error) {
	switch {
	case len(ask.Scopes) == 0:
		return control.APIKey{}, exit.Usagef("say what the key is for: name a scope")
	case ask.TTL <= 0 || ask.TTL > longestKey:
		return control.APIKey{}, exit.Usagef("a key lives for up to %d days, not %s", int(longestKey.Hours()/24), ask.TTL)
	case len(ask.Name) > 64:
		return control.APIKey{}, exit.Usagef("a key's name has at most 64 characters")
	}
	if err := s.CheckUser(ask.User, ask.Scopes); err != nil {
		return control.APIKey{}, exit.Usagef("%w", err)
	}
	pepper, version, err := s.plane.Pepper(ctx, apikey.PepperKey, apikey.PepperPurpose, 0)
	if err != nil {
		return control.APIKey{}, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	r := apikey.Record{Name: ask.Name, Principal: ask.User, Scopes: ask.Scopes, Created: now, Expires: now.Add(ask.TTL)}
	key := apikey.New(&r, pepper, version)
	stored, err := json.Marshal(r)
	if err != nil {
		return control.APIKey{}, err
	}
	err = s.plane.AsConsulOperator(ctx, func(c *consul.Client) error {
		// CAS with index 0: made only where nothing is.
		made, _, err := c.KV().CAS(&consul.KVPair{Key: apikey.Folder + r.Prefix, Value: stored}, (&consul.WriteOptions{}).WithContext(ctx))
		if err == nil && !made {
			err = errors.New("its prefix is taken; try again")
		}
		return err
	})
	if err != nil {
		return control.APIKey{}, fmt.Errorf("store API key: %w", err)
	}
	issued := listed(r)
	issued.Key = key.Reveal()
	return issued, nil
}

// APIKeys implements control.SecretKeeper: oldest first, without the keys.
func (s *Stack) APIKeys(ctx context.Context) ([]control.APIKey, error) {
	all := []control.APIKey{}
	err := s.plane.AsConsulOperator(ctx, func(c *consul.Client) error {
		pairs, _, err := c.KV().List(apikey.Folder, (&consul.QueryOptions{RequireConsistent: true}).WithContext(ctx))
		if err != nil {
			return fmt.Errorf("list API keys: %w", err)
		}
		for _, pair := range pairs {
			if r, err := apikey.Parse(pair.Value); err == nil {
				all = append(all, listed(r))
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b control.APIKey) int { return a.Created.Compare(b.Created) })
	return all, err
}

func (s *Stack) revokeAPIKey(ctx context.Context, prefix string) error {
	if full, err := apikey.Prefix(prefix); err == nil {
		prefix = full // the whole key will do, too
	}
	return s.plane.AsConsulOperator(ctx, func(c *consul.Client) error {
		pair, _, err := c.KV().Get(apikey.Folder+prefix, (&consul.QueryOptions{RequireConsistent: true}).WithContext(ctx))
		if err != nil {
			return fmt.Errorf("look up API key: %w", err)
		}
		if pair == nil {
			return controlplane.ErrNoGrant
		}
		_, err = c.KV().Delete(pair.Key, (&consul.WriteOptions{}).WithContext(ctx))
		return err
	})
}

func listed(r apikey.Record) control.APIKey {
	return control.APIKey{Prefix: r.Prefix, Name: r.Name, Principal: r.Principal, Scopes: r.Scopes, Created: r.Created, Expires: r.Expires}
}
