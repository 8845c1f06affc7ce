// Package topology is the one source of who may call whom: topology.yaml, checked and typed.
// Intentions, policy data and the lab's components are derived from it.
package topology

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed topology.yaml
var source []byte

// Topology is the whole platform: its services, their helpers, the routes at the edge and the demo users.
type Topology struct {
	Services map[string]*Service `yaml:"services" json:"services"`
	Jobs     map[string]*Job     `yaml:"jobs" json:"jobs"`
	Edge     []EdgeRoute         `yaml:"edge" json:"edge"`
	Users    map[string][]string `yaml:"users" json:"users"`
}

// Service is a long-running workload of the mesh.
type Service struct {
	Summary  string  `yaml:"summary" json:"summary"`
	Database bool    `yaml:"database" json:"database"` // owns the PostgreSQL database of its name
	Routes   []Route `yaml:"routes" json:"routes"`
}

// Route is one thing a service offers. Deny is the default: a caller or scope that isn't listed has no access.
type Route struct {
	Route     string   `yaml:"route" json:"route"`
	Callers   []string `yaml:"callers" json:"callers"`
	Scopes    []string `yaml:"scopes" json:"scopes"`
	Principal string   `yaml:"principal" json:"principal"` // "" (a transaction token is needed) or "none"
}

// NeedsPrincipal tells whether a transaction token is needed.
func (r Route) NeedsPrincipal() bool { return r.Principal != "none" }

// Job is a one-shot helper of a service, with an identity of its own.
type Job struct {
	Service string `yaml:"service" json:"service"`
	Summary string `yaml:"summary" json:"summary"`
}

// EdgeRoute is one route of the gateway's public API.
type EdgeRoute struct {
	Route    string   `yaml:"route" json:"route"`
	Upstream string   `yaml:"upstream" json:"upstream"`
	To       string   `yaml:"to" json:"to"` // the upstream's route; Route itself after Load when not given
	Scopes   []string `yaml:"scopes" json:"scopes"`
	Public   bool     `yaml:"public" json:"public"` // no access token: the upstream authenticates the request
}

// Load returns the platform's topology, checked.
func Load() (*Topology, error) { return Parse(source) }

// Parse reads and checks a topology. Errors name the line or the entry at fault.
func Parse(text []byte) (*Topology, error) {
	var t Topology
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&t); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("parse topology: %w", err)
	}
	for i := range t.Edge {
		if t.Edge[i].To == "" {
			t.Edge[i].To = t.Edge[i].Route
		}
	}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("check topology: %w", err)
	}
	return &t, nil
}

// Names returns the services' names, sorted.
func (t *Topology) Names() []string {
	names := make([]string, 0, len(t.Services))
	for name := range t.Services {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Callers returns the services that may connect to the named one: its intentions. Sorted.
func (t *Topology) Callers(service string) []string {
	var callers []string
	if s := t.Services[service]; s != nil {
		for _, r := range s.Routes {
			callers = append(callers, r.Callers...)
		}
	}
	sort.Strings(callers)
	return slices.Compact(callers)
}

// Upstreams returns the services that the named one may connect to. Sorted.
func (t *Topology) Upstreams(service string) []string {
	var ups []string
	for _, name := range t.Names() {
		if slices.Contains(t.Callers(name), service) {
			ups = append(ups, name)
		}
	}
	return ups
}

// Route finds a route of a service by its text, as written in topology.yaml.
func (t *Topology) Route(service, route string) (Route, bool) {
	if s := t.Services[service]; s != nil {
		for _, r := range s.Routes {
			if r.Route == route {
				return r, true
			}
		}
	}
	return Route{}, false
}

func (t *Topology) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, name := range t.Names() {
		s := t.Services[name]
		seen := map[string]bool{}
		for _, r := range s.Routes {
			if !validRoute(r.Route) {
				bad("%s: route %q is neither \"METHOD /path\" nor \"/package.Service/Method\"", name, r.Route)
			}
			if seen[r.Route] {
				bad("%s: route %q is listed twice", name, r.Route)
			}
			seen[r.Route] = true
			if len(r.Callers) == 0 {
				bad("%s: route %q has no caller", name, r.Route)
			}
			for _, c := range r.Callers {
				if t.Services[c] == nil {
					bad("%s: route %q: caller %q is not a service", name, r.Route, c)
				}
				if c == name {
					bad("%s: route %q: a service doesn't call itself", name, r.Route)
				}
			}
			switch {
			case r.Principal != "" && r.Principal != "none":
				bad("%s: route %q: principal %q is not \"none\"", name, r.Route, r.Principal)
			case r.NeedsPrincipal() && len(r.Scopes) == 0:
				bad("%s: route %q needs a scope, or principal: none", name, r.Route)
			case !r.NeedsPrincipal() && len(r.Scopes) > 0:
				bad("%s: route %q: a scope has no bearer without a principal", name, r.Route)
			}
		}
	}
	for name, j := range t.Jobs {
		if t.Services[j.Service] == nil {
			bad("job %s: %q is not a service", name, j.Service)
		}
	}
	for _, e := range t.Edge {
		r, ok := t.Route(e.Upstream, e.To)
		switch {
		case !ok:
			bad("edge %q: %s offers no %q", e.Route, e.Upstream, e.To)
		case !slices.Contains(r.Callers, "gateway"):
			bad("edge %q: %s doesn't let the gateway call %q", e.Route, e.Upstream, e.To)
		case e.Public == (len(e.Scopes) > 0):
			bad("edge %q: either public or with scopes", e.Route)
		case e.Public == r.NeedsPrincipal():
			bad("edge %q: public here, but %s %q needs a principal (or the reverse)", e.Route, e.Upstream, e.To)
		}
	}
	return errors.Join(errs...)
}

func validRoute(route string) bool {
	if method, path, ok := strings.Cut(route, " "); ok {
		return slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, method) && strings.HasPrefix(path, "/")
	}
	parts := strings.Split(route, "/")
	return len(parts) == 3 && parts[0] == "" && parts[1] != "" && parts[2] != ""
}
