package attack

import (
	"context"
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
	script, err := fs.ReadFile(p.lab.Scripts, a.ID+"/attack.js")
	if err != nil || !strings.Contains(string(script), "lab.transaction") {
		return err
	}
	g.data["transaction"], err = p.transaction(ctx, service)
	return err
}

// steal gives a single thing of somebody else's.
func (p *player) steal(ctx context.Context, g *given, what string) error {
	switch what {
	case "token":
		token, err := p.lab.Token("alice")
		g.data["stolen"] = map[string]any{"access_token": token, "of": "alice"}
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
