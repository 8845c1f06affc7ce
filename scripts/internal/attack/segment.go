package attack

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"redoubt.example/loadtest/attacks"
)

// keptOut tells whether the network between containers has stopped an attempt before it could reach the control that is
// expected to: it ended in one of the network's errnos, the attacker shares no network with the target's sidecar, and from a
// service that does, the same port answers in the same run.
func (p *player) keptOut(ctx context.Context, a attacks.Attack, twin, o outcome) (Evidence, bool) {
	from := p.groundOf(a)
	if p.platform == nil || o.Outcome != refused || twin.Outcome != gained || a.Target == "" || from.host || !slices.Contains(networkErrnos, o.Errno) {
		return Evidence{}, false
	}
	target := a.Target + "-sidecar"
	theirs := p.networksOf(target)
	if slices.ContainsFunc(from.networks, func(name string) bool { return slices.Contains(theirs, name) }) {
		return Evidence{}, false
	}
	permitted, address := p.neighbour(a.Target)
	if permitted == "" {
		return Evidence{}, false
	}
	script := fmt.Sprintf("export function attack(lab) { const c = lab.mesh.dial({ address: '%s' }); lab.judge(!c.error, c.error || c.local); }", address)
	if _, err := p.playText(ctx, attacks.Vantage("sidecar:"+permitted), script, 5*time.Second); err != nil {
		return Evidence{}, false
	}
	return Evidence{Kind: attacks.EvidenceKernel, Errno: o.Errno, Twin: twin.Outcome,
		Summary: fmt.Sprintf("%s: no network with %s; %s reaches it", o.Errno, target, permitted)}, true
}

// neighbour is a service whose sidecar shares a network with another's, and the address there.
func (p *player) neighbour(service string) (name, address string) {
	theirs := p.networksOf(service + "-sidecar")
	for _, c := range p.all {
		other, ok := strings.CutSuffix(c.Service, "-sidecar")
		if !ok || other == service {
			continue
		}
		for _, network := range slices.Sorted(maps.Keys(c.Addresses)) {
			if slices.Contains(theirs, network) {
				return other, net.JoinHostPort(p.at(service+"-sidecar", network), meshPort)
			}
		}
	}
	return "", ""
}

func (p *player) at(service, network string) string {
	for _, c := range p.all {
		if c.Service == service {
			return c.Addresses[network]
		}
	}
	return ""
}
