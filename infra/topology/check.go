package topology

import (
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// benchScope is the scope of services/platform/servertiming.
const benchScope = "bench"

// checker collects every mistake, each with its place in the file.
type checker struct {
	*Topology
	document *yaml.Node
	errs     []error
}

func (c *checker) bad(path []any, format string, args ...any) {
	c.errs = append(c.errs, at(find(c.document, path...), format, args...))
}

func (t *Topology) check(document *yaml.Node) error {
	c := &checker{Topology: t, document: document}
	for _, name := range t.Names() {
		s := t.Services[name]
		c.secrets([]any{"services", name, "secrets"}, name, s.Secrets)
		seen := map[string]bool{}
		for i, r := range s.Routes {
			c.route([]any{"services", name, "routes", i}, name, r)
			if seen[r.Route] {
				c.bad([]any{"services", name, "routes", i, "route"}, "%s: route %q is listed twice", name, r.Route)
			}
			seen[r.Route] = true
		}
	}
	for name, j := range t.Jobs {
		s := t.Services[j.Service]
		if s == nil {
			c.bad([]any{"jobs", name, "service"}, "job %s: %q is not a service", name, j.Service)
		} else if j.Database && !s.Database {
			c.bad([]any{"jobs", name, "database"}, "job %s: %s has no database", name, j.Service)
		}
		c.secrets([]any{"jobs", name, "secrets"}, name, j.Secrets)
	}
	for i, e := range t.Edge {
		c.edge([]any{"edge", i}, e)
	}
	if len(c.errs) == 0 {
		c.paths()
	}
	return errors.Join(c.errs...)
}

func (c *checker) route(path []any, name string, r Route) {
	under := func(more ...any) []any { return slices.Concat(path, more) }
	if !validRoute(r.Route) {
		c.bad(under("route"), "%s: route %q is neither \"METHOD /path\" nor \"/package.Service/Method\"", name, r.Route)
	}
	if len(r.Callers) == 0 {
		c.bad(under("callers"), "%s: route %q has no caller", name, r.Route)
	}
	for i, caller := range r.Callers {
		if c.Services[caller] == nil {
			c.bad(under("callers", i), "%s: route %q: caller %q is not a service", name, r.Route, caller)
		}
		if caller == name {
			c.bad(under("callers", i), "%s: route %q: a service doesn't call itself", name, r.Route)
		}
	}
	for i, text := range r.Calls {
		service, route, _ := strings.Cut(text, " ")
		callee, ok := c.Route(service, route)
		switch {
		case !ok:
			c.bad(under("calls", i), "%s: route %q calls %q, which isn't offered", name, r.Route, text)
		case !slices.Contains(callee.Callers, name):
			c.bad(under("calls", i), "%s: route %q calls %q, whose callers lack %s", name, r.Route, text, name)
		case !callee.NeedsPrincipal():
			c.bad(under("calls", i), "%s: route %q calls %q, which needs no transaction: its callers say it all", name, r.Route, text)
		}
	}
	switch {
	case r.Principal != "" && r.Principal != "none":
		c.bad(under("principal"), "%s: route %q: principal %q is not \"none\"", name, r.Route, r.Principal)
	case r.NeedsPrincipal() && len(r.Scopes) == 0:
		c.bad(under("scopes"), "%s: route %q needs a scope, or principal: none", name, r.Route)
	case slices.Contains(r.Scopes, benchScope):
		c.bad(under("scopes"), "%s: route %q: the scope %s opens no route: whoever has it gets to see times", name, r.Route, benchScope)
	case !r.NeedsPrincipal() && len(r.Scopes) > 0:
		c.bad(under("scopes"), "%s: route %q: a scope has no bearer without a principal", name, r.Route)
	}
}

func (c *checker) secrets(path []any, name string, secrets []string) {
	for i, s := range secrets {
		if strings.Trim(s, "/") != s || strings.ContainsAny(s, " *+") || strings.Count(s, "/") < 2 {
			c.bad(slices.Concat(path, []any{i}), "%s: secret %q is not one whole path of Vault", name, s)
		}
		if strings.HasPrefix(s, "database/") {
			c.bad(slices.Concat(path, []any{i}), "%s: secret %q: say database: true", name, s)
		}
	}
}

func (c *checker) edge(path []any, e EdgeRoute) {
	r, ok := c.Route(e.Upstream, e.To)
	switch {
	case !ok:
		c.bad(path, "edge %q: %s offers no %q", e.Route, e.Upstream, e.To)
	case !slices.Contains(r.Callers, Gateway):
		c.bad(path, "edge %q: %s doesn't let the gateway call %q", e.Route, e.Upstream, e.To)
	case e.Public == (len(e.Scopes) > 0):
		c.bad(path, "edge %q: either public or with scopes", e.Route)
	case e.Public == r.NeedsPrincipal():
		c.bad(path, "edge %q: public here, but %s %q needs a principal (or the reverse)", e.Route, e.Upstream, e.To)
	}
}

// paths finds callers that no transaction ever reaches: rights that nobody needs.
func (c *checker) paths() {
	for _, name := range c.Names() {
		for i, r := range c.Services[name].Routes {
			for j, caller := range r.Callers {
				if r.NeedsPrincipal() && caller != Gateway && len(c.Entries(name, r.Route, caller)) == 0 {
					c.bad([]any{"services", name, "routes", i, "callers", j}, "%s: route %q: no transaction's calls lead %s here", name, r.Route, caller)
				}
			}
		}
	}
}

func validRoute(route string) bool {
	if method, path, ok := strings.Cut(route, " "); ok {
		return slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, method) && strings.HasPrefix(path, "/")
	}
	parts := strings.Split(route, "/")
	return len(parts) == 3 && parts[0] == "" && parts[1] != "" && parts[2] != ""
}
