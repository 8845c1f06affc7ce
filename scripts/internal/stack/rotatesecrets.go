package stack

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
)

// Rotate implements control.SecretKeeper. No request fails by it.
func (s *Stack) Rotate(ctx context.Context, what, name string) ([]control.Rotated, error) {
	switch what {
	case "db":
		return s.rotateDatabases(ctx, name)
	case control.Logins:
		return s.renewLogins(ctx)
	case "transit":
		return s.rotateTransit(ctx, name)
	case "token-key":
		return s.rotateTokenKeys(ctx)
	}
	return nil, exit.Usagef("there is no %q to rotate", what)
}

// rotateDatabases gives Vault's management roles new passwords, and has every process of the services replace its
// login.
func (s *Stack) rotateDatabases(ctx context.Context, name string) (done []control.Rotated, err error) {
	databases := s.plane.Databases()
	if name != "" {
		if !slices.Contains(databases, name) {
			return nil, exit.Usagef("there is no database %q: it is one of %s", name, strings.Join(databases, ", "))
		}
		databases = []string{name}
	}
	for _, database := range databases {
		if err := s.plane.RotateManagement(ctx, database); err != nil {
			return done, err
		}
		done = append(done, control.Rotated{What: "management password", Holder: database, Done: "known to Vault alone"})
		more, err := s.orderRotation(ctx, database, "db")
		if done = append(done, more...); err != nil {
			return done, err
		}
	}
	return done, nil
}

// renewLogins has every process of the services replace its login. Vault's management passwords stay: changed again and again, they would
// fail the revocations that are under way.
func (s *Stack) renewLogins(ctx context.Context) (done []control.Rotated, err error) {
	for _, database := range s.plane.Databases() {
		more, err := s.orderRotation(ctx, database, "db")
		if done = append(done, more...); err != nil {
			return done, err
		}
	}
	return done, nil
}

// rotateTransit makes new versions of keys, then has those who keep something sealed wrap it anew.
func (s *Stack) rotateTransit(ctx context.Context, name string) (done []control.Rotated, err error) {
	keys, err := s.plane.TransitKeys(ctx)
	if err != nil {
		return nil, err
	}
	if name != "" {
		if !slices.Contains(keys, name) {
			return nil, exit.Usagef("there is no transit key %q: it is one of %s", name, strings.Join(keys, ", "))
		}
		keys = []string{name}
	}
	for _, key := range keys {
		version, err := s.plane.RotateTransit(ctx, key)
		if err != nil {
			return done, err
		}
		done = append(done, control.Rotated{What: "transit key", Holder: key, Done: fmt.Sprintf("version %d", version)})
		more, err := s.orderRotation(ctx, key, "transit") // a key has the name of the service that seals with it
		if done = append(done, more...); err != nil {
			return done, err
		}
	}
	return done, nil
}

func (s *Stack) rotateTokenKeys(ctx context.Context) (done []control.Rotated, err error) {
	if err := s.plane.RotateTokenKey(ctx); err != nil {
		return nil, err
	}
	done = append(done, control.Rotated{What: "access token key", Holder: "vault", Done: "the one before verifies for another hour"})
	more, err := s.orderRotation(ctx, gateway, "token-key")
	return append(done, more...), err
}

// orderRotation has each process of a service that runs rotate something of its own.
func (s *Stack) orderRotation(ctx context.Context, service, what string) (done []control.Rotated, err error) {
	for _, w := range s.instances {
		if w.service != service {
			continue
		}
		more, err := OrderRotation(ctx, w.name, s.own(w.name, "admin.sock"), what)
		if done = append(done, more...); err != nil {
			return done, err
		}
	}
	return done, nil
}

// OrderRotation has the process at an admin socket rotate something of its own. One that doesn't run begins with what is
// new; one that has nothing of the kind isn't concerned.
func OrderRotation(ctx context.Context, name, socket, what string) ([]control.Rotated, error) {
	var said struct {
		What string `json:"what"`
		Done string `json:"done"`
	}
	err := ask(ctx, socket, http.MethodPost, "/v1/rotations/"+url.PathEscape(what), &said)
	switch {
	case err == nil:
		return []control.Rotated{{What: names[what], Holder: name, Done: cmp.Or(said.Done, "replaced")}}, nil
	case notRunning(err), strings.HasPrefix(err.Error(), "status 404:"):
		return nil, nil
	}
	return nil, fmt.Errorf("%s: %w", name, err)
}

var names = map[string]string{"db": "database login", "transit": "sealed records", "token-key": "transaction key"}
