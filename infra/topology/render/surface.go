package render

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"redoubt.example/infra/topology"
)

// attackSurface is what can be reached, from where, with what: the first table of the threat model.
func attackSurface(top *topology.Topology) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "<!-- %s -->\n# Attack surface\n\n## From outside\n\n| route | needs | leads to |\n|---|---|---|\n", header)
	for _, e := range top.Edge {
		needs := "access token, scope " + code(e.Scopes, " or ")
		if e.Public {
			needs = "nothing at the gateway; the upstream authenticates it"
		}
		var hops []string
		for _, h := range top.Path(e.Route) {
			if !slices.Contains(hops, h.Service) {
				hops = append(hops, h.Service)
			}
		}
		if e.Public {
			hops = []string{e.Upstream}
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", e.Route, needs, strings.Join(hops, ", "))
	}
	out.WriteString("\n## Between services\n\n| service | route | callers | transaction token |\n|---|---|---|---|\n")
	for _, name := range top.Names() {
		for _, r := range top.Services[name].Routes {
			token := "none: the caller's identity decides"
			if r.NeedsPrincipal() {
				token = "scope " + code(r.Scopes, " or ")
			}
			fmt.Fprintf(&out, "| %s | `%s` | %s | %s |\n", name, r.Route, strings.Join(r.Callers, ", "), token)
		}
	}
	out.WriteString("\n## If one is taken over\n\nWhat its own rights reach, at most; what needs a user's transaction also needs one that passes it.\n\n" +
		"| workload | may connect to | database | Vault | buckets |\n|---|---|---|---|---|\n")
	for _, name := range top.Names() {
		s := top.Services[name]
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", name, list(reach(top, name)), yes(s.Database, "its own"), list(quoted(s.Secrets)), list(s.Buckets))
	}
	for _, name := range top.JobNames() {
		j := top.Jobs[name]
		fmt.Fprintf(&out, "| %s (job) | | %s | %s | %s |\n", name, yes(j.Database, j.Service+"'s schema"), list(quoted(j.Secrets)), list(j.Buckets))
	}
	return out.Bytes()
}

func reach(top *topology.Topology, name string) []string {
	all := top.Upstreams(name)
	if top.Services[name].Internet {
		all = append(all, "public addresses, ports 80 and 443")
	}
	return all
}

func code(all []string, between string) string { return strings.Join(quoted(all), between) }

func quoted(all []string) (q []string) {
	for _, s := range all {
		q = append(q, "`"+s+"`")
	}
	return q
}

func list(all []string) string { return strings.Join(all, ", ") }

func yes(is bool, text string) string {
	if is {
		return text
	}
	return ""
}
