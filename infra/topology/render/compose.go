package render

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"redoubt.example/infra/topology"
)

//go:embed compose.yaml.tmpl
var composeText string

// Compose is docker-compose.yml: the platform as containers, every service with its sidecar. Containers that have no
// business with each other share no network.
func Compose(top *topology.Topology) ([]byte, error) {
	t, err := template.New("compose").Delims("[[", "]]").Funcs(template.FuncMap{"join": strings.Join}).Parse(composeText)
	if err != nil {
		return nil, fmt.Errorf("render compose: %w", err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "# %s\n", header)
	if err := t.Execute(&out, newCompose(top)); err != nil {
		return nil, fmt.Errorf("render compose: %w", err)
	}
	return out.Bytes(), nil
}

// firstUser: beyond what distributions hand out. Each workload has a number of its own, its sidecar's and its jobs' too.
const firstUser = 61000

type compose struct {
	Services []composeService
	Networks []composeNetwork
	nets     map[string][]string // by container, sorted
}

type composeService struct {
	Name     string
	User     int
	Database bool
	Jobs     []composeJob
}

type composeJob struct {
	Name, Verb string
	Database   bool
}

type composeNetwork struct {
	Name, Subnet string
	Internal     bool
}

// Nets are the networks of a container, as a YAML flow sequence.
func (c *compose) Nets(container string) string {
	return "[" + strings.Join(c.nets[container], ", ") + "]"
}

// NetsKnown are the networks of a container, as a YAML flow mapping: on one of them it has another name besides.
func (c *compose) NetsKnown(container, on, as string) string {
	names := slices.Clone(c.nets[container])
	for i, name := range names {
		if name == on {
			names[i] += ": { aliases: [" + as + "] }"
		} else {
			names[i] += ": {}"
		}
	}
	return "{ " + strings.Join(names, ", ") + " }"
}

// newCompose gives each pair of services that talk a network, which only their two sidecars are on; an app is on none of
// them, and reaches peers through its sidecar's sockets alone. Each workload has a network to Consul and Vault of its own,
// and to its database, so that no two workloads meet there.
func newCompose(top *topology.Topology) *compose {
	c := &compose{nets: map[string][]string{}}
	join := func(network string, internal bool, containers ...string) {
		if !slices.ContainsFunc(c.Networks, func(n composeNetwork) bool { return n.Name == network }) {
			at := len(c.Networks) * 16
			c.Networks = append(c.Networks, composeNetwork{Name: network, Internal: internal,
				Subnet: fmt.Sprintf("${REDOUBT_SUBNET:-10.213}.%d.%d/28", at/256, at%256)})
		}
		for _, name := range containers {
			if !slices.Contains(c.nets[name], network) {
				c.nets[name] = append(c.nets[name], network)
			}
		}
	}
	join("control", true, "consul", "vault", "postgres", "operator")
	for i, name := range top.Names() {
		s := composeService{Name: name, User: firstUser + i + 1, Database: top.Services[name].Database}
		join(name+"-control", true, "consul", "vault", "jaeger", name, sidecarOf(name))
		if s.Database {
			join(name+"-database", true, "postgres", name)
		}
		if top.Services[name].Internet { // one of its own: it shares it with nobody
			join(name+"-internet", false, name)
		}
		for _, job := range top.JobNames() {
			if j := top.Jobs[job]; j.Service == name {
				s.Jobs = append(s.Jobs, composeJob{job, strings.TrimPrefix(job, name+"-"), j.Database})
				join(name+"-control", true, job)
				if j.Database {
					join(name+"-database", true, job)
				}
			}
		}
		for _, peer := range top.Names() { // a network has no direction: one for the two of them, whoever calls
			if peer > name && (slices.Contains(top.Callers(name), peer) || slices.Contains(top.Callers(peer), name)) {
				join(name+"-"+peer, true, sidecarOf(name), sidecarOf(peer))
			}
		}
		c.Services = append(c.Services, s)
	}
	join("edge", false, topology.Gateway)
	join("edge-operator", true, topology.Gateway, "operator")
	join("edge-redis", true, topology.Gateway, "redis")
	join("observability", true, "jaeger", "prometheus", "grafana")
	join("observability-host", false, "grafana") // what is published to this machine can't be internal
	for _, networks := range c.nets {
		slices.Sort(networks)
	}
	return c
}

func sidecarOf(service string) string { return service + "-sidecar" }
