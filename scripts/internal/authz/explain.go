// Package authz tells which layer stops a request between services, and why: the mesh, the transaction token or
// the service's policy. It asks each, whether or not an earlier one has said no: that is what defence in depth means.
package authz

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/policy"
)

// Question is one request.
type Question struct {
	Caller     string         `json:"caller"`
	Service    string         `json:"service"`
	Route      string         `json:"route"` // as topology.yaml writes it
	User       string         `json:"user,omitempty"`
	Entry      string         `json:"entry,omitempty"`  // the edge route whose transaction token the caller presents
	Scopes     []string       `json:"scopes,omitempty"` // of that token
	Owner      string         `json:"owner,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
}

// Layer is what one of them says.
type Layer struct {
	Layer    string `json:"layer"`
	Control  string `json:"control"`
	Decision string `json:"decision"` // controls.Allow or controls.Deny
	Rule     string `json:"rule"`
	Reason   string `json:"reason"`
}

// Answer is what all of them say.
type Answer struct {
	Question  Question `json:"question"`
	Revision  int64    `json:"revision"` // of the policy; 0 is that of the checkout
	Allowed   bool     `json:"allowed"`
	StoppedBy string   `json:"stopped_by,omitempty"` // the outermost layer that denies
	Layers    []Layer  `json:"layers"`
}

// Explain asks every layer. decider is the service's.
func Explain(ctx context.Context, top *topology.Topology, decider *policy.Decider, q Question) (Answer, error) {
	route, known := top.Route(q.Service, q.Route)
	needsToken := !known || route.NeedsPrincipal()
	token := tokenLayer(top, &q, needsToken)
	if q.Owner != "" {
		q.Attributes = q.ordinary()
	}
	in := policy.Input{Caller: q.Caller, Route: q.Route, Owner: q.Owner, Attributes: q.Attributes}
	if method, _, http := strings.Cut(q.Route, " "); http {
		in.Method = method
	}
	if token.Decision == controls.Allow && needsToken {
		in.Principal, in.Entry, in.Scopes = q.User, q.Entry, q.Scopes
	}
	decision, err := decider.Decide(ctx, in)
	if err != nil {
		return Answer{}, err
	}
	last := Layer{Layer: "policy", Control: controls.AppPolicy, Decision: verdict(decision.Allow), Rule: decision.Rule, Reason: decision.Reason}
	if q.Owner != "" || len(q.Attributes) > 0 {
		last.Control = controls.AppPolicyOwner
	}
	a := Answer{Question: q, Revision: decider.Revision(), Allowed: true, Layers: []Layer{meshLayer(top, q), token, last}}
	for _, l := range slices.Backward(a.Layers) {
		if l.Decision == controls.Deny {
			a.Allowed, a.StoppedBy = false, l.Layer
		}
	}
	return a, nil
}

// ordinary is what the service would tell of an ordinary object of the caller's, unless the question says otherwise.
func (q Question) ordinary() map[string]any {
	all := map[string]any{"account": "active", "maker": q.Caller, "amount": int64(1)}
	maps.Copy(all, q.Attributes)
	return all
}

func meshLayer(top *topology.Topology, q Question) Layer {
	l := Layer{Layer: "mesh", Control: controls.MeshIntention, Decision: controls.Deny, Rule: "default-deny",
		Reason: fmt.Sprintf("no intention lets %s connect to %s", q.Caller, q.Service)}
	if slices.Contains(top.Callers(q.Service), q.Caller) {
		l.Decision, l.Rule, l.Reason = controls.Allow, "intention", fmt.Sprintf("%s may connect to %s", q.Caller, q.Service)
	}
	return l
}

// tokenLayer finds the transaction token that the caller can have: one of the user's that passes it, best one that
// leads it here. It fills in what the question leaves open.
func tokenLayer(top *topology.Topology, q *Question, needed bool) Layer {
	l := Layer{Layer: "token", Control: controls.AppTxnToken, Decision: controls.Deny, Rule: "missing"}
	switch {
	case !needed:
		l.Decision, l.Rule, l.Reason = controls.Allow, "not-needed", "the route is between workloads: there is no principal"
		return l
	case q.User == "":
		l.Reason = "there is no transaction token: no user is involved"
		return l
	}
	scopes := top.Users[q.User]
	if len(q.Scopes) > 0 {
		scopes = q.Scopes
	}
	var found *topology.EdgeRoute
	for _, e := range top.Edge {
		if (q.Entry != "" && e.Route != q.Entry) || !overlap(e.Scopes, scopes) || !passes(top, e.Route, q.Caller) {
			continue
		}
		leads := slices.Contains(top.Path(e.Route), topology.Hop{Caller: q.Caller, Service: q.Service, Route: q.Route})
		if found == nil || leads {
			found = &e
		}
		if leads {
			break
		}
	}
	if found == nil {
		l.Reason = fmt.Sprintf("no transaction of %s passes %s, so it has no token to present", q.User, q.Caller)
		return l
	}
	q.Entry, q.Scopes = found.Route, common(found.Scopes, scopes)
	l.Decision, l.Rule = controls.Allow, "verified"
	l.Reason = fmt.Sprintf("a real token of %s: %s passes %s, with scope %s", q.User, q.Entry, q.Caller, strings.Join(q.Scopes, " "))
	return l
}

// passes tells whether a service takes part in an edge route's transactions.
func passes(top *topology.Topology, entry, service string) bool {
	return slices.ContainsFunc(top.Path(entry), func(h topology.Hop) bool { return h.Caller == service || h.Service == service })
}

func overlap(a, b []string) bool { return len(common(a, b)) > 0 }

func common(a, b []string) (both []string) {
	for _, s := range a {
		if slices.Contains(b, s) {
			both = append(both, s)
		}
	}
	return both
}

func verdict(allow bool) string {
	if allow {
		return controls.Allow
	}
	return controls.Deny
}

// Target reads "METHOD service/path", or "service/Method" for gRPC, and finds the route in the topology. A route
// that isn't there is kept as written: it is a question, too.
func Target(top *topology.Topology, text string) (service, route string, err error) {
	method, rest, http := strings.Cut(strings.TrimSpace(text), " ")
	if !http {
		method, rest = "", method
	}
	service, path, ok := strings.Cut(strings.TrimSpace(rest), "/")
	s := top.Services[service]
	switch {
	case !ok || path == "":
		return "", "", fmt.Errorf("a route is \"POST payments/v1/transfers\", or \"inference/Classify\" for gRPC, not %q", text)
	case s == nil:
		return "", "", fmt.Errorf("there is no service %q: it is one of %s", service, strings.Join(top.Names(), ", "))
	case http:
		return service, strings.ToUpper(method) + " /" + path, nil
	}
	for _, r := range s.Routes {
		if r.Route == "/"+path || strings.HasSuffix(r.Route, "/"+path) && strings.HasPrefix(r.Route, "/") {
			return service, r.Route, nil
		}
	}
	return service, "/" + path, nil
}

// Check refuses a question about somebody who doesn't exist.
func (q Question) Check(top *topology.Topology) error {
	if top.Services[q.Caller] == nil {
		return fmt.Errorf("there is no service %q: it is one of %s", q.Caller, strings.Join(top.Names(), ", "))
	}
	if _, ok := top.Users[q.User]; q.User != "" && !ok {
		return fmt.Errorf("there is no demo user %q: it is one of %s", q.User, strings.Join(slices.Sorted(maps.Keys(top.Users)), ", "))
	}
	if q.Entry != "" && !slices.ContainsFunc(top.Edge, func(e topology.EdgeRoute) bool { return e.Route == q.Entry && !e.Public }) {
		return fmt.Errorf("there is no edge route %q that needs a user", q.Entry)
	}
	return nil
}
