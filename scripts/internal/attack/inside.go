package attack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"redoubt.example/loadtest/attacks"
)

// takeOver gives what a service has: its own identity document lies in its folder, which the script's user may enter; a
// certificate is got with it, as the service itself gets one.
func (p *player) takeOver(ctx context.Context, g *given, a attacks.Attack) error {
	service := a.Vantage.Service()
	leaf, err := p.leaf(ctx, service)
	if err != nil {
		return err
	}
	g.data["service"], g.data["leaf"] = service, leaf
	if wanted, err := p.wants(a, "lab.transaction"); err != nil || !wanted {
		return err
	}
	g.data["transaction"], err = p.transaction(ctx, service)
	return err
}

// wants tells whether an attack's script names what it takes some trouble to give.
func (p *player) wants(a attacks.Attack, name string) (bool, error) {
	script, err := fs.ReadFile(p.lab.Scripts, a.ID+"/attack.js")
	return strings.Contains(string(script), name), err
}

// steal gives a single thing of somebody else's.
func (p *player) steal(ctx context.Context, g *given, a attacks.Attack) error {
	what := a.Vantage.Stolen()
	switch what {
	case "token":
		token, err := p.lab.Token("alice")
		g.data["stolen"] = map[string]any{"access_token": token, "of": "alice"}
		wanted, wantErr := p.wants(a, "lab.bound")
		if err = errors.Join(err, wantErr); err == nil && wanted {
			g.data["bound"], err = p.bound(ctx)
		}
		return err
	case "leaf":
		leaf, err := p.leaf(ctx, "notification")
		g.data["stolen"], g.data["leaf"] = leaf, leaf
		return err
	case "lease":
		lease, err := p.lease(ctx, "payments")
		g.data["stolen"] = lease
		return err
	}
	return fmt.Errorf("there is nothing to steal by the name of %s", what)
}
