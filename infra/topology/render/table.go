package render

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"redoubt.example/infra/topology"
)

// whoGetsWhat is every route, for every service as its caller: what stops it, or what it takes.
func whoGetsWhat(top *topology.Topology) []byte {
	var out bytes.Buffer
	names := top.Names()
	fmt.Fprintf(&out, `<!-- %s -->
# Who gets what

For each route and each service as its caller, holding the best token that it can have: `+"`mesh`"+` is no connection, `+"`policy`"+` a
denial by the service, **token** an answer in a transaction whose path leads the caller there, **yes** an answer without a principal. The end
to end test asks the running platform for every cell.

| service | route | %s |
|---|---|%s
`, header, strings.Join(names, " | "), strings.Repeat("---|", len(names)))
	for _, service := range names {
		for _, r := range top.Services[service].Routes {
			fmt.Fprintf(&out, "| %s | `%s` |", service, r.Route)
			for _, caller := range names {
				fmt.Fprintf(&out, " %s |", cell(top, service, r, caller))
			}
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

func cell(top *topology.Topology, service string, r topology.Route, caller string) string {
	switch {
	case caller == service:
		return ""
	case !slices.Contains(top.Callers(service), caller):
		return "mesh"
	case !slices.Contains(r.Callers, caller):
		return "policy"
	case r.NeedsPrincipal():
		return "**token**"
	}
	return "**yes**"
}
