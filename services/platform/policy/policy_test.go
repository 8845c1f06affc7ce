package policy_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/policy"
)

func deciders(tb testing.TB) (*topology.Topology, map[string]*policy.Decider) {
	top, err := topology.Load()
	require.NoError(tb, err)
	all := map[string]*policy.Decider{}
	for _, name := range top.Names() {
		all[name], err = policy.New(tb.Context(), name, top)
		require.NoError(tb, err)
	}
	return top, all
}

// input is a request as good as the caller can make it: with a transaction that leads it there, if any does.
func input(top *topology.Topology, service, caller string, r topology.Route) policy.Input {
	method, _, _ := strings.Cut(r.Route, " ")
	in := policy.Input{Caller: caller, Method: method, Route: r.Route}
	if r.NeedsPrincipal() {
		in.Principal, in.Scopes, in.Entry = "alice", r.Scopes[:1], "POST /v1/documents"
		if entries := top.Entries(service, r.Route, caller); len(entries) > 0 {
			in.Entry = entries[0]
		}
	}
	return in
}

// TestEveryRouteForEveryCaller: a service gets exactly what topology.yaml lists it for, and not even that
// without the principal and the scope.
func TestEveryRouteForEveryCaller(t *testing.T) {
	top, all := deciders(t)
	decide := func(service string, in policy.Input) policy.Decision {
		d, err := all[service].Decide(t.Context(), in)
		require.NoError(t, err)
		require.NotEmpty(t, d.Reason)
		return d
	}
	for _, service := range top.Names() {
		for _, route := range top.Services[service].Routes {
			for _, caller := range append(top.Names(), "", "stranger", "payments-migrate") {
				d := decide(service, input(top, service, caller, route))
				listed := slices.Contains(route.Callers, caller)
				require.Equal(t, listed, d.Allow, "%s: %s by %q: %s", service, route.Route, caller, d.Rule)
				if !listed {
					require.Equal(t, "caller-not-listed", d.Rule)
					continue
				}
				if !route.NeedsPrincipal() {
					continue
				}
				without := input(top, service, caller, route)
				without.Principal = ""
				require.Equal(t, "principal-missing", decide(service, without).Rule)
				without = input(top, service, caller, route)
				without.Scopes = []string{"other:scope", strings.ToUpper(route.Scopes[0]), route.Scopes[0] + " "}
				require.Equal(t, "scope-missing", decide(service, without).Rule)
				if caller == topology.Gateway {
					continue
				}
				for _, e := range top.Edge { // the token of another transaction, found in a log, say
					replayed := input(top, service, caller, route)
					replayed.Entry = e.Route
					if leads := slices.Contains(top.Entries(service, route.Route, caller), e.Route); !leads {
						require.Equal(t, "outside-call-path", decide(service, replayed).Rule, "%s by %s in %s", route.Route, caller, e.Route)
					} else {
						require.True(t, decide(service, replayed).Allow)
					}
				}
			}
		}
		require.Equal(t, "route-unknown", decide(service, policy.Input{Caller: "gateway", Route: "GET /v1/elsewhere", Principal: "alice"}).Rule)
	}
}

// TestTheLeastTrustedServiceCantUseAToken: notification, holding any user's valid token, gets nowhere but where it gets without
// one: it asks for the keys of transactions, and reports.
func TestTheLeastTrustedServiceCantUseAToken(t *testing.T) {
	top, all := deciders(t)
	own := []string{"GET /v1/transaction-keys", "POST /v1/logs"}
	for _, service := range top.Names() {
		for _, route := range top.Services[service].Routes {
			in := input(top, service, "notification", route)
			in.Principal, in.Scopes = "carol", slices.Concat(top.Users["alice"], top.Users["carol"])
			d, err := all[service].Decide(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, slices.Contains(own, route.Route), d.Allow, "%s: %s", service, route.Route)
		}
	}
}

// FuzzUnlistedCallersStayOut: whatever else the input says, who isn't listed doesn't get in.
func FuzzUnlistedCallersStayOut(f *testing.F) {
	top, all := deciders(f)
	names := top.Names()
	f.Add(byte(0), byte(0), "stranger", "alice", "documents:write", "alice", "maker", "stranger")
	f.Add(byte(4), byte(6), "notification", "", "", "", "maker", "notification")
	f.Fuzz(func(t *testing.T, s, r byte, caller, principal, scopes, owner, key, value string) {
		service := names[int(s)%len(names)]
		routes := top.Services[service].Routes
		route := routes[int(r)%len(routes)]
		if slices.Contains(route.Callers, caller) {
			t.Skip()
		}
		d, err := all[service].Decide(t.Context(), policy.Input{Caller: caller, Route: route.Route, Principal: principal,
			Scopes: strings.Fields(scopes), Entry: value, Owner: owner, Attributes: map[string]any{key: value}})
		require.NoError(t, err)
		require.False(t, d.Allow)
	})
}

// TestNothingIsLeftToUnfold: a rule that negates another can't be evaluated in advance, and makes a decision four times as long.
// State what allows positively, by shared.permitted_at.
func TestNothingIsLeftToUnfold(t *testing.T) {
	_, all := deciders(t)
	for name, d := range all {
		require.Equal(t, []string{"unfolded"}, d.Unfolded(), name)
	}
}

func TestDecisionsHaveAnIDOfTheirOwn(t *testing.T) {
	top, all := deciders(t)
	seen := map[string]bool{}
	for range 10 {
		d, err := all["gateway"].Decide(t.Context(), input(top, "gateway", "payments", top.Services["gateway"].Routes[0]))
		require.NoError(t, err)
		id, err := uuid.Parse(d.ID)
		require.NoError(t, err)
		require.Equal(t, uuid.Version(7), id.Version())
		require.False(t, seen[d.ID])
		seen[d.ID] = true
	}
}

func TestAnErrorDenies(t *testing.T) {
	top, all := deciders(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d, err := all["gateway"].Decide(ctx, input(top, "gateway", "payments", top.Services["gateway"].Routes[0]))
	if err == nil { // evaluation may be over before the end of the context is looked at
		require.True(t, d.Allow)
	}
	in := input(top, "gateway", "payments", top.Services["gateway"].Routes[0])
	in.Attributes = map[string]any{"no JSON": make(chan int)}
	d, err = all["gateway"].Decide(t.Context(), in)
	require.Error(t, err)
	require.False(t, d.Allow)
	require.NotEmpty(t, d.ID)
}

func TestUnknownServiceHasNoPolicy(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	_, err = policy.New(t.Context(), "stranger", top)
	require.ErrorContains(t, err, "stranger")
}

// TestRulesReachNothing: what a rule could use to call out or to look round isn't there. (The compiler removes
// print by itself unless it is enabled.)
func TestRulesReachNothing(t *testing.T) {
	for _, expression := range []string{
		`http.send({"method": "get", "url": "http://127.0.0.1"})`, `opa.runtime()`, `time.now_ns()`,
		`io.jwt.decode("x")`, `net.lookup_ip_addr("localhost")`, `trace("x")`, `rand.intn("x", 2)`, `regex.match("(a+)+", "a")`,
	} {
		_, err := rego.New(rego.Query("data.x.y"), rego.Capabilities(policy.Capabilities()),
			rego.Module("x.rego", "package x\ny if "+expression)).PrepareForEval(t.Context())
		require.ErrorContains(t, err, "undefined function", expression)
	}
}

func BenchmarkDecide(b *testing.B) {
	_, all := deciders(b)
	in := policy.Input{Caller: "ingestion", Method: "POST", Route: "POST /v1/authorizations", Principal: "alice", Entry: "POST /v1/documents", Scopes: []string{"documents:write"}}
	decide := func(in policy.Input) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got, err := all["payments"].Decide(b.Context(), in); err != nil || !got.Allow {
					b.Fatal(got, err)
				}
			}
		}
	}
	b.Run("request", decide(in))
	in.Owner, in.Attributes = "alice", map[string]any{"maker": "ingestion", "amount": int64(5), "account": "active"}
	b.Run("object", decide(in))
}
