package policy

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"redoubt.example/infra/topology"
)

// Routes is a service's part of topology.yaml as the rules read it: data.routes, by route.
type Routes map[string]RouteData

// RouteData is who gets what at one route. Sets are objects, for a look-up instead of a search.
type RouteData struct {
	// Callers holds, for each caller, the edge routes whose transactions it may present here: "*" for the gateway,
	// none where the route needs no principal.
	Callers   map[string]map[string]bool `json:"callers"`
	Scopes    map[string]bool            `json:"scopes"`
	Principal bool                       `json:"principal"`
}

// RoutesOf derives the rules' data for a service.
func RoutesOf(service string, top *topology.Topology) (Routes, error) {
	s := top.Services[service]
	if s == nil {
		return nil, fmt.Errorf("topology.yaml has no service %q", service)
	}
	routes := make(Routes, len(s.Routes))
	for _, r := range s.Routes {
		routes[r.Route] = RouteData{Callers: top.Presenters(service, r), Scopes: set(r.Scopes), Principal: r.NeedsPrincipal()}
	}
	return routes, nil
}

func set(members []string) map[string]bool {
	m := make(map[string]bool, len(members))
	for _, name := range members {
		m[name] = true
	}
	return m
}

// builtins is all that the rules may call: nothing that prints, reads the clock, the network or the process.
var builtins = map[string]bool{
	ast.Equality.Name: true, ast.Equal.Name: true, ast.NotEqual.Name: true, ast.Assign.Name: true,
	ast.Member.Name: true, ast.Count.Name: true, ast.ObjectGet.Name: true,
	ast.LessThan.Name: true, ast.LessThanEq.Name: true, ast.GreaterThan.Name: true, ast.GreaterThanEq.Name: true,
}

func capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	kept := c.Builtins[:0:0]
	for _, b := range c.Builtins {
		if builtins[b.Name] {
			kept = append(kept, b)
		}
	}
	c.Builtins = kept
	c.AllowNet = []string{}
	return c
}
