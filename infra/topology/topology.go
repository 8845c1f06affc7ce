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
	Summary  string   `yaml:"summary" json:"summary"`
	Database bool     `yaml:"database" json:"database"` // owns the PostgreSQL database of its name
	Secrets  []string `yaml:"secrets" json:"secrets"`   // Vault paths, besides its database's credentials
	Buckets  []string `yaml:"buckets" json:"buckets"`   // blobs that it keeps
	Internet bool     `yaml:"internet" json:"internet"` // calls public addresses, which users name
	Routes   []Route  `yaml:"routes" json:"routes"`
}

// Route is one thing a service offers. Deny is the default: a caller or scope that isn't listed has no access.
type Route struct {
	Route     string   `yaml:"route" json:"route"`
	Callers   []string `yaml:"callers" json:"callers"`
	Scopes    []string `yaml:"scopes" json:"scopes"`
	Principal string   `yaml:"principal" json:"principal"` // "" (a transaction token is needed) or "none"
	Calls     []string `yaml:"calls" json:"calls"`         // "<service> <route>", with the transaction token passed on
}

// NeedsPrincipal tells whether a transaction token is needed.
func (r Route) NeedsPrincipal() bool { return r.Principal != "none" }

// Job is a one-shot helper of a service, with an identity of its own.
type Job struct {
	Service  string   `yaml:"service" json:"service"`
	Summary  string   `yaml:"summary" json:"summary"`
	Database bool     `yaml:"database" json:"database"` // as the owner of its service's schema
	Secrets  []string `yaml:"secrets" json:"secrets"`
	Buckets  []string `yaml:"buckets" json:"buckets"`
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

// Parse reads and checks a topology. Errors point at line and column (see Error).
func Parse(text []byte) (*Topology, error) {
	var t Topology
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("parse topology: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&t); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("parse topology: %w", locate(&document, err))
	}
	for i := range t.Edge {
		if t.Edge[i].To == "" {
			t.Edge[i].To = t.Edge[i].Route
		}
	}
	if err := t.check(&document); err != nil {
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

// JobNames returns the jobs' names, sorted.
func (t *Topology) JobNames() []string {
	names := make([]string, 0, len(t.Jobs))
	for name := range t.Jobs {
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
