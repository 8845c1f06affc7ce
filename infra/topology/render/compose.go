package render

import (
	"sort"

	"redoubt.example/infra/topology"
)

// composeNetworks gives each pair of services that talk a network of their own, so that containers which have no
// business with each other share none. Servers have a network for each kind of client. It is an overlay: what the containers
// are made of is said elsewhere.
func composeNetworks(top *topology.Topology) ([]byte, error) {
	inside := map[string]any{"internal": true}
	networks := map[string]any{"control": inside, "edge": map[string]any{}}
	joined := map[string][]string{}
	join := func(network string, services ...string) {
		for _, service := range services {
			joined[service] = append(joined[service], network)
		}
	}
	for _, name := range top.Names() {
		for _, caller := range top.Callers(name) {
			network := caller + "-" + name
			networks[network] = inside
			join(network, caller, name)
		}
		if top.Services[name].Database {
			networks[name+"-database"] = inside
			join(name+"-database", name, "postgres")
		}
		if top.Services[name].Internet { // one of its own: it shares it with nobody
			networks[name+"-internet"] = map[string]any{}
			join(name+"-internet", name)
		}
	}
	for _, name := range top.JobNames() {
		if job := top.Jobs[name]; job.Database {
			join(job.Service+"-database", name)
		}
	}
	join("edge", topology.Gateway)
	join("control", "consul", "vault", "postgres") // Vault makes the logins of PostgreSQL, and Consul's certificates
	join("control", top.Names()...)
	join("control", top.JobNames()...)
	services := map[string]any{}
	for name, list := range joined {
		sort.Strings(list)
		services[name] = map[string]any{"networks": list}
	}
	return documents(map[string]any{"version": "3.8", "networks": networks, "services": services})
}
