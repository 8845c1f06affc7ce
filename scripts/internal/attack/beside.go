package attack

import (
	"context"
	"maps"
	"net"
	"slices"
	"strings"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/containers"
)

// ground is where an attacker stands in a lab of containers: beside a container of the service that was taken over, in its
// network namespace, with its user and its volume; or in a container that somebody smuggled onto some of the networks.
type ground struct {
	visitor  containers.Visitor
	networks []string // that can be reached from there
	host     bool     // a process of the engine's own machine, and no visitor
}

const (
	edgeNetwork = "edge"
	runFolder   = "/run/redoubt"
	edgePort    = "8443"
	meshPort    = "20000"
)

// groundOf is a vantage point's. A service is an app and a sidecar, each on networks of its own: who goes for Vault or a
// database stands beside the app, who goes for a peer beside the sidecar, since that is who reaches any.
func (p *player) groundOf(a attacks.Attack) ground {
	g := ground{visitor: containers.Visitor{UID: p.places.Stranger.UID, GID: p.places.Stranger.GID, Volumes: map[string]string{"public": runFolder + "/public:ro"}}}
	onNetworks := func(networks ...string) ground {
		g.visitor.Networks, g.networks = networks, networks
		return g
	}
	switch service := a.Vantage.Service(); {
	case service != "":
		user := p.places.Users[service]
		g.visitor.UID, g.visitor.GID, g.visitor.Beside = user.UID, user.GID, service+"-sidecar"
		if a.Evidence != attacks.EvidenceRecord && a.Vantage.Sidecar() == "" {
			g.visitor.Beside = service
		}
		g.visitor.Volumes[service] = runFolder + "/" + service
		g.networks = p.networksOf(g.visitor.Beside)
		return g
	case a.Vantage == attacks.Process && a.Needs == attacks.NeedsContainers:
		g.host = true
		return g
	case a.Vantage == attacks.Process, a.Vantage.Stolen() == "leaf":
		return onNetworks(edgeNetwork, "gateway-inference", "inference-modelstore")
	case a.Vantage == attacks.ControlPlane: // who publishes models is their owner, who publishes rules is root
		if strings.HasPrefix(a.ID, "app.model.") {
			user := p.places.Users["modelstore"]
			g.visitor.UID, g.visitor.GID = user.UID, user.GID
		} else {
			g.visitor.UID, g.visitor.GID = 0, 0
		}
		g.visitor.Volumes = map[string]string{"public": runFolder + "/public", "models": runFolder + "/modelstore/data"}
		return onNetworks(edgeNetwork, "control")
	case a.Vantage.Stolen() == "token": // to whom the issuer's public keys are known, which are inside here
		return onNetworks(edgeNetwork, "control")
	case a.Vantage.Stolen() == "lease":
		return onNetworks(edgeNetwork, "payments-database")
	}
	return onNetworks(edgeNetwork)
}

func (p *player) networksOf(service string) (names []string) {
	for _, c := range p.all {
		if c.Service == service {
			for name := range c.Addresses {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// address is where a service's container is found from a ground: on a network that both are on, else on any, as somebody
// finds it who scans.
func (p *player) address(from ground, service, port string) string {
	found := ""
	for _, c := range p.all {
		if c.Service != service {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(c.Addresses)) {
			if slices.Contains(from.networks, name) {
				return net.JoinHostPort(c.Addresses[name], port)
			}
			found = net.JoinHostPort(c.Addresses[name], port)
		}
	}
	return found
}

// seenFrom is what the scripts are told of where things are, in a lab of containers.
func (p *player) seenFrom(g ground, data map[string]any) {
	data["gateway"] = "https://127.0.0.1:" + edgePort // as its certificate has it
	data["edge"] = map[string]any{"address": p.address(g, "gateway", edgePort), "name": "127.0.0.1"}
	if _, inside := data["control"]; !inside {
		return
	}
	data["control"] = map[string]any{"vault": p.address(g, "vault", "8200"), "consul_http": p.address(g, "consul", "8501"),
		"consul_grpc": p.address(g, "consul", "8503"), "postgres": p.address(g, "postgres", "5432")}
	ports, folders := map[string][]string{}, map[string]string{}
	for service := range p.places.Mesh {
		ports[service], folders[service] = []string{p.address(g, service+"-sidecar", meshPort)}, runFolder+"/"+service
	}
	data["mesh_ports"], data["folders"], data["run_dir"] = ports, folders, runFolder+"/public"
	data["networks"], data["targets"] = append([]string{}, g.networks...), p.listening()
}

// listening is what listens where: "vault payments-control" is Vault on that network.
func (p *player) listening() map[string]string {
	found := map[string]string{"host loopback": strings.TrimPrefix(p.lab.Status.GatewayURL, "https://")}
	for _, c := range p.all {
		for network, ip := range c.Addresses {
			switch {
			case c.Service == "gateway":
				found["gateway "+network] = net.JoinHostPort(ip, edgePort)
			case c.Service == "postgres":
				found["postgres "+network] = net.JoinHostPort(ip, "5432")
			case c.Service == "vault":
				found["vault "+network] = net.JoinHostPort(ip, "8200")
			case c.Service == "consul":
				found["consul "+network], found["consul-grpc "+network] = net.JoinHostPort(ip, "8501"), net.JoinHostPort(ip, "8503")
			case strings.HasSuffix(c.Service, "-sidecar"):
				found[c.Service+" "+network] = net.JoinHostPort(ip, meshPort)
			}
		}
	}
	return found
}

// visit runs k6 on a ground.
func (p *player) visit(ctx context.Context, g ground, own string, args []string) (string, error) {
	v := g.visitor
	v.Program, v.Args, v.Binds = p.lab.K6, args, []string{p.folder + ":ro", own}
	v.Env = []string{"HOME=" + own, "NO_COLOR=1", "MESH_FOLDER=" + runFolder, "MESH_RESULTS=" + own + "/results", "MESH_NETWORK=" + p.places.Subnet}
	return p.platform.Visit(ctx, v)
}
