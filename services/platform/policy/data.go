package policy

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"redoubt.example/infra/topology"
)

// routeData is the service's part of topology.yaml as the rules read it: data.routes by route, with callers
// and scopes as sets (objects, for a look-up instead of a search).
func routeData(service string, top *topology.Topology) (map[string]any, error) {
	s := top.Services[service]
	if s == nil {
		return nil, fmt.Errorf("topology.yaml has no service %q", service)
	}
	routes := make(map[string]any, len(s.Routes))
	for _, r := range s.Routes {
		routes[r.Route] = map[string]any{
			"callers":   set(r.Callers),
			"scopes":    set(r.Scopes),
			"principal": r.NeedsPrincipal(),
		}
	}
	return map[string]any{"routes": routes}, nil
}

func set(members []string) map[string]any {
	m := make(map[string]any, len(members))
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
