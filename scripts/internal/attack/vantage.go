package attack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"net/url"
	"os"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/places"
)

// user is whom an attacker's process runs as: a service that was taken over as that service, who writes where policies
// and models are published as ourselves, anybody else as nobody's user.
func (p *player) user(v attacks.Vantage) control.User {
	switch {
	case v == attacks.ControlPlane:
		return control.User{}
	case v.Service() != "":
		return p.places.Users[v.Service()]
	}
	return p.places.Stranger
}

// given is what a script gets, and what has to be put back afterwards.
type given struct {
	data   map[string]any
	undo   []func()
	ground ground // in a lab of containers
}

func (g *given) close() {
	for _, f := range g.undo {
		f()
	}
}

// given is what a vantage point really has, and nothing else.
func (p *player) given(ctx context.Context, a attacks.Attack) (*given, error) {
	ca, err := os.ReadFile(p.lab.Status.CAFile)
	if err != nil {
		return nil, err
	}
	gateway, err := url.Parse(p.lab.Status.GatewayURL)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(gateway.Host)
	if err != nil {
		return nil, err
	}
	g := &given{data: map[string]any{
		"id": a.ID, "mode": p.lab.Status.Mode, "ca": string(ca), "gateway": gateway.String(),
		"edge": map[string]any{"address": gateway.Host, "name": host},
	}}
	if a.Needs == attacks.NeedsPlaces {
		g.data["abroad"] = places.Abroad
	}
	if p.platform == nil {
		g.data["from"] = somewhere()
	}
	if a.Needs == attacks.NeedsName {
		g.data["loopback_name"] = loopbackName(ctx)
	}
	if p.platform != nil {
		g.ground = p.groundOf(a)
		defer func() { p.seenFrom(g.ground, g.data) }()
	}
	err = p.respond(ctx, g, a.Needs)
	if err == nil {
		err = p.page(ctx, g, a)
	}
	if err != nil {
		g.close()
		return nil, err
	}
	if a.Vantage == attacks.Outside {
		return g, p.outside(g)
	}
	g.data["control"] = map[string]any{"vault": p.places.Vault, "consul_http": p.places.ConsulHTTP, "consul_grpc": p.places.ConsulGRPC, "postgres": p.places.Postgres}
	g.data["mesh_ports"], g.data["folders"], g.data["run_dir"] = p.places.Mesh, p.places.Folders, p.lab.RunDir
	switch {
	case a.Vantage == attacks.ControlPlane: // with an account of its own, like anybody
		err = p.outside(g)
	case a.Vantage.Service() != "":
		err = p.takeOver(ctx, g, a)
	case a.Vantage.Stolen() != "":
		err = p.steal(ctx, g, a)
	}
	if err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

// somewhere is a loopback address that nobody else comes from: what one attacker does isn't counted with what another did, or honest
// clients do, at 127.0.0.1.
func somewhere() string {
	return netip.AddrFrom4([4]byte{127, byte(64 + rand.IntN(64)), byte(rand.IntN(256)), byte(1 + rand.IntN(254))}).String()
}

// outside has accounts of its own: the demo users'.
func (p *player) outside(g *given) error {
	tokens, narrow := map[string]string{}, map[string]string{}
	var errs []error
	for _, user := range []string{"alice", "bob", "carol", "dave", "erin"} {
		var err error
		tokens[user], err = p.lab.Token(user)
		errs = append(errs, err)
		narrow[user], err = p.lab.Token(user, "account:read")
		errs = append(errs, err)
	}
	g.data["tokens"], g.data["narrow"] = tokens, narrow
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("get the demo users' tokens: %w", err)
	}
	return nil
}
