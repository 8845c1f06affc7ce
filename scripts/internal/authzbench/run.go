package authzbench

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/util"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/policy"
)

const (
	domain = "11111111-2222-3333-4444-555555555555.consul"

	decisionTarget = 20 * time.Microsecond
	cachedTarget   = time.Microsecond
	hopTarget      = 80 * time.Microsecond
)

const (
	rawSignature   = "signature alone (Ed25519)"
	verifyUncached = "token, verified the first time"
	verifyCached   = "token, verified again"
	hopPerRequest  = "whole hop, a token per request"
	hopShared      = "whole hop, a token per principal and route"
)

// rig is a gateway and a service's verifier, without a network between.
type rig struct {
	minter   *authn.Minter
	verifier *authn.Verifier
}

func newRig() (*rig, error) {
	minter, err := authn.NewMinter(domain)
	if err != nil {
		return nil, err
	}
	return &rig{minter, authn.NewVerifier(func(context.Context) ([]byte, error) { return minter.PublicKeys() })}, nil
}

func (r *rig) mint(n int) (string, error) {
	return r.minter.Mint(authn.Grant{Txn: strconv.Itoa(n) + time.Now().String(), Subject: "alice", Scopes: []string{"documents:write"},
		Entry: "POST /v1/documents", Requester: "spiffe://" + domain + "/ns/default/dc/dc1/svc/gateway", Client: "cli"})
}

// supply holds tokens, each to be verified once. They are minted outside of what is measured.
type supply struct {
	rig    *rig
	tokens []string
}

func (s *supply) fill() error {
	s.tokens = s.tokens[:0]
	for n := range block + 1 {
		raw, err := s.rig.mint(n)
		if err != nil {
			return err
		}
		s.tokens = append(s.tokens, raw)
	}
	return nil
}

func (s *supply) next() string {
	raw := s.tokens[len(s.tokens)-1]
	s.tokens = s.tokens[:len(s.tokens)-1]
	return raw
}

func tokenOperations(ctx context.Context) ([]operation, error) {
	r, err := newRig()
	if err != nil {
		return nil, err
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	message := make([]byte, 420) // a token's length
	signature := ed25519.Sign(private, message)
	fresh, same := &supply{rig: r}, &supply{rig: r}
	verify := func(raw string) error { _, err := r.verifier.Verify(ctx, raw, domain); return err }
	return []operation{
		{what: "token, minted", batch: 1, run: func(n int) error { _, err := r.mint(n); return err }},
		{what: rawSignature, batch: 1, run: func(int) error {
			if !ed25519.Verify(public, message, signature) {
				return errors.New("it doesn't verify")
			}
			return nil
		}},
		{what: verifyUncached, batch: 1, before: fresh.fill, run: func(int) error { return verify(fresh.next()) }},
		{what: verifyCached, batch: 100, target: cachedTarget, before: same.fill, run: func(int) error { return verify(same.tokens[0]) }},
	}, nil
}

// typical is each service's most frequent request.
var typical = map[string]policy.Input{
	"gateway":      {Caller: "payments", Method: "GET", Route: "GET /v1/transaction-keys"},
	"ingestion":    {Caller: "gateway", Method: "POST", Route: "POST /v1/documents", Principal: "alice", Entry: "POST /v1/documents", Scopes: []string{"documents:write"}},
	"inference":    {Caller: "ingestion", Route: "/redoubt.inference.v1.InferenceService/Classify", Principal: "alice", Entry: "POST /v1/documents", Scopes: []string{"documents:write"}},
	"payments":     {Caller: "ingestion", Method: "POST", Route: "POST /v1/authorizations", Principal: "alice", Entry: "POST /v1/documents", Scopes: []string{"documents:write"}},
	"notification": {Caller: "ingestion", Method: "POST", Route: "POST /v1/notifications", Principal: "alice", Entry: "POST /v1/documents", Scopes: []string{"documents:write"}},
	"modelstore":   {Caller: "inference", Method: "GET", Route: "GET /v1/models/{name}"},
	"sentinel":     {Caller: "payments", Method: "POST", Route: "POST /v1/logs"},
}

func decisionOperations(ctx context.Context, top *topology.Topology) ([]operation, error) {
	var all []operation
	for _, service := range top.Names() {
		decider, err := policy.New(ctx, service, top)
		if err != nil {
			return nil, err
		}
		in, ok := typical[service]
		if !ok {
			return nil, fmt.Errorf("no typical request for %s", service)
		}
		all = append(all, operation{what: "decision, " + service, batch: 1, target: decisionTarget, run: func(int) error { return allowed(ctx, decider, in) }})
		if service == "payments" {
			foreign := object(in)
			foreign.Owner = "bob"
			all = append(all,
				operation{what: "decision, payments, about an object", batch: 1, target: decisionTarget, run: func(int) error { return allowed(ctx, decider, object(in)) }},
				operation{what: "decision, payments, denied", batch: 1, run: func(int) error {
					d, err := decider.Decide(ctx, foreign)
					if err == nil && d.Allow {
						err = errors.New("it is allowed")
					}
					return err
				}})
		}
	}
	freshly, err := freshQuery(ctx, top, typical["payments"])
	if err != nil {
		return nil, err
	}
	inGo := plainGo(top, typical["payments"])
	return append(all,
		operation{what: "the same, query prepared per request", batch: 1, run: freshly, after: runtime.GC}, // others shan't clear up after it
		operation{what: "the same, in plain Go", batch: 100, run: inGo}), nil
}

// object is the second decision about a request: may it touch this?
func object(in policy.Input) policy.Input {
	in.Owner, in.Attributes = in.Principal, map[string]any{"maker": "ingestion", "amount": int64(1), "account": "active"}
	return in
}

func allowed(ctx context.Context, decider *policy.Decider, in policy.Input) error {
	d, err := decider.Decide(ctx, in)
	if err == nil && !d.Allow {
		err = fmt.Errorf("denied: %s", d.Rule)
	}
	return err
}

// freshQuery is the mistake that is often made: rules parsed and compiled for every request.
func freshQuery(ctx context.Context, top *topology.Topology, in policy.Input) (func(int) error, error) {
	rules, err := policy.Rules()
	if err != nil {
		return nil, err
	}
	routes, err := policy.RoutesOf("payments", top)
	if err != nil {
		return nil, err
	}
	var data any = map[string]any{"routes": routes}
	if err := util.RoundTrip(&data); err != nil {
		return nil, err
	}
	store := inmem.NewFromObject(data.(map[string]any))
	input := map[string]any{"caller": in.Caller, "method": in.Method, "route": in.Route, "principal": in.Principal, "entry": in.Entry, "scopes": in.Scopes}
	return func(int) error {
		results, err := rego.New(rego.Query("data.redoubt.payments.allow"), rego.Store(store), rego.Input(input),
			rego.Module("shared.rego", rules["shared.rego"]), rego.Module("payments.rego", rules["payments.rego"])).Eval(ctx)
		if err == nil && len(results) != 1 {
			err = errors.New("no decision")
		}
		return err
	}, nil
}

// plainGo is what the rules would cost if nobody could read or change them without a compiler.
func plainGo(top *topology.Topology, in policy.Input) func(int) error {
	routes, _ := policy.RoutesOf("payments", top)
	return func(int) error {
		route, ok := routes[in.Route]
		if !ok || !route.Callers[in.Caller][in.Entry] || in.Principal == "" ||
			!slices.ContainsFunc(in.Scopes, func(s string) bool { return route.Scopes[s] }) {
			return errors.New("denied")
		}
		return nil
	}
}

// hopOperations are what a hop adds to a request: the token verified, and the policy's decision by it; about an object, a second
// decision. The designs differ in how the gateway mints: for each request, or for a principal and a route and used again for some
// seconds.
func hopOperations(ctx context.Context, top *topology.Topology) ([]operation, error) {
	r, err := newRig()
	if err != nil {
		return nil, err
	}
	decider, err := policy.New(ctx, "payments", top)
	if err != nil {
		return nil, err
	}
	hop := func(raw string, withObject bool) error {
		token, err := r.verifier.Verify(ctx, raw, domain)
		if err != nil {
			return err
		}
		in := policy.Input{Caller: "ingestion", Method: "POST", Route: "POST /v1/authorizations",
			Principal: token.Subject, Entry: token.Entry, Scopes: token.Scopes}
		if err := allowed(ctx, decider, in); err != nil || !withObject {
			return err
		}
		return allowed(ctx, decider, object(in))
	}
	fresh, about, same := &supply{rig: r}, &supply{rig: r}, &supply{rig: r}
	return []operation{
		{what: hopPerRequest, batch: 1, target: hopTarget, before: fresh.fill, run: func(int) error { return hop(fresh.next(), false) }},
		{what: hopPerRequest + ", and object", batch: 1, target: hopTarget, before: about.fill, run: func(int) error { return hop(about.next(), true) }},
		{what: hopShared, batch: 1, target: hopTarget, before: same.fill, run: func(int) error { return hop(same.tokens[0], false) }},
	}, nil
}
