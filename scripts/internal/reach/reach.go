// Package reach measures lateral movement: how many services somebody can use who has taken notification over, the least
// trusted one. Every route of every other service is really tried, from its user, with its certificate.
package reach

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"redoubt.example/infra/topology"
	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/attack"
)

// From is the service that was taken over.
const From = "notification"

const timeout = 40 * time.Second

// Report is what can be used, and what was tried.
type Report struct {
	From     string              `json:"from"`
	Reach    int                 `json:"reach"`  // services of which a route can be used
	Of       int                 `json:"of"`     // services that were tried
	Usable   map[string][]string `json:"usable"` // service -> its routes that answered as they answer who may use them
	Attempts []Attempt           `json:"attempts"`
}

// Attempt is one request. Usable means that nothing refused who it was from: a complaint about the request's content is
// the handler's, which somebody without access doesn't get to hear.
type Attempt struct {
	Service string `json:"service"`
	Route   string `json:"route"`
	Usable  bool   `json:"usable"`
	Answer  string `json:"answer"` // an HTTP status, a gRPC code, or the errno of a connection that wasn't let in
}

// target is a route as the script needs it.
type target struct {
	Service string `json:"service"`
	Route   string `json:"route"`
	Method  string `json:"method"` // "": gRPC
	Path    string `json:"path"`
	Scope   string `json:"scope"` // of the token that it writes itself
	Entry   string `json:"entry"`
}

//go:embed reach.js
var script string

var parameter = regexp.MustCompile(`\{[a-z]+\}`)

func targets(top *topology.Topology) (all []target) {
	for _, service := range top.Names() {
		if service == From {
			continue
		}
		for _, r := range top.Services[service].Routes {
			t := target{Service: service, Route: r.Route, Path: r.Route}
			if method, path, http := strings.Cut(r.Route, " "); http {
				t.Method, t.Path = method, parameter.ReplaceAllString(path, "reach")
			}
			if len(r.Scopes) > 0 {
				t.Scope = r.Scopes[0]
			}
			for _, caller := range r.Callers {
				if entries := top.Entries(service, r.Route, caller); len(entries) > 0 {
					t.Entry = entries[0]
				}
			}
			all = append(all, t)
		}
	}
	return all
}

// Measure tries everything, in a lab that is up.
func Measure(ctx context.Context, lab *attack.Lab) (Report, error) {
	top, err := topology.Load()
	if err != nil {
		return Report{}, err
	}
	all := targets(top)
	raw, err := json.Marshal(all)
	if err != nil {
		return Report{}, err
	}
	detail, err := attack.PlayScript(ctx, lab, attacks.Vantage("service:"+From), strings.Replace(script, "'TARGETS'", string(raw), 1), timeout)
	if err != nil {
		return Report{}, fmt.Errorf("measure the reach of %s: %w", From, err)
	}
	var attempts []Attempt
	if err := json.Unmarshal([]byte(detail), &attempts); err != nil {
		return Report{}, fmt.Errorf("measure the reach of %s: %w", From, err)
	}
	return conclude(all, attempts)
}

// conclude counts. A route that wasn't tried would make the reach look smaller than it is.
func conclude(all []target, attempts []Attempt) (Report, error) {
	r := Report{From: From, Usable: map[string][]string{}, Attempts: attempts}
	services := map[string]bool{}
	for i, t := range all {
		if i >= len(attempts) || attempts[i].Service != t.Service || attempts[i].Route != t.Route {
			return r, fmt.Errorf("%s of %s wasn't tried", t.Route, t.Service)
		}
		services[t.Service] = true
		if attempts[i].Usable {
			r.Usable[t.Service] = append(r.Usable[t.Service], t.Route)
		}
	}
	r.Reach, r.Of = len(slices.Collect(maps.Keys(r.Usable))), len(services)
	return r, nil
}
