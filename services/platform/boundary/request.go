package boundary

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/mesh"
	"redoubt.example/services/platform/policy"
	"redoubt.example/services/platform/telemetry"
)

const externalCredential = "an external credential has no meaning inside: services take transaction tokens alone"

// Header reads all values of a request header by its HTTP name.
type Header func(name string) []string

// one is a header's value if it is there exactly once: two of them are read differently by different programs, which is how
// checks are walked round.
func (h Header) one(name string) string {
	if values := h(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// Request is one request on its way through the boundary.
type Request struct {
	boundary *Boundary
	start    time.Time
	route    string
	caller   mesh.ID
	known    bool
	decision policy.Decision
	span     *telemetry.Span
}

// Enter identifies the request. The context it returns carries the logger, the request ID and the traceparent,
// so that a refusal can be found in the log too.
func (b *Boundary) Enter(ctx context.Context, header Header) (context.Context, *Request) {
	r := &Request{boundary: b, start: time.Now(), route: Unmatched}
	ctx, _ = controls.WithLedger(ctx)
	r.caller, r.known = mesh.Caller(ctx)
	ctx = telemetry.WithLogger(ctx, b.Log)
	id := ""
	if r.known { // only a workload of the mesh may choose what we log under
		ctx = telemetry.WithTraceparent(ctx, header.one(telemetry.TraceparentHeader))
		id = header.one(telemetry.RequestIDHeader)
	}
	ctx, r.span = b.Tracing.Continue(ctx)
	if !telemetry.ValidRequestID(id) {
		id = telemetry.NewRequestID()
	}
	return telemetry.WithRequestID(ctx, id), r
}

// Admit decides whether the request may use the route, given as topology.yaml's text; "" when nothing matched.
// The context it returns carries the principal and the policy. The error is a fault.
func (r *Request) Admit(ctx context.Context, route string, header Header) (context.Context, error) {
	if !r.known {
		controls.Record(ctx, controls.MeshPeerCred, controls.Deny, "connection without a mesh identity")
		return ctx, fault.New(fault.Denied, "the caller has no mesh identity")
	}
	rule, ok := r.boundary.routes[route]
	if !ok {
		return ctx, fault.New(fault.NotFound, "no such route")
	}
	r.route = route
	in := policy.Input{Caller: r.caller.Service, Route: route}
	if method, _, http := strings.Cut(route, " "); http {
		in.Method = method
	}
	if len(header("Authorization")) > 0 && controls.On(controls.AppTxnToken) { // credentials of the outside world end at the gateway
		controls.Record(ctx, controls.AppTxnToken, controls.Deny, externalCredential, "caller", in.Caller, "route", route)
		return ctx, fault.New(fault.Unauthenticated, externalCredential)
	}
	if rule.NeedsPrincipal() {
		verify := controls.Begin(ctx, controls.AppTxnToken)
		token, err := r.boundary.Verifier.Verify(ctx, header.one(authn.Header), r.caller.TrustDomain)
		verify.End()
		if err != nil {
			controls.Record(ctx, controls.AppTxnToken, controls.Deny, fault.Message(err), "caller", in.Caller, "route", route)
			return ctx, err
		}
		ctx = authn.NewContext(ctx, token)
		in.Principal, in.Scopes, in.Entry = token.Subject, token.Scopes, token.Entry
	}
	return r.admitAgain(ctx, in, rule.NeedsPrincipal(), header)
}

func (r *Request) decide(ctx context.Context, in policy.Input) (context.Context, error) {
	if !controls.On(controls.AppPolicy) {
		return policy.NewContext(ctx, r.boundary.Policy, in), nil
	}
	defer controls.Begin(ctx, controls.AppPolicy).End()
	decision, err := r.boundary.Policy.Decide(ctx, in)
	r.decision = decision
	if err == nil && decision.Allow {
		return policy.NewContext(ctx, r.boundary.Policy, in), nil
	}
	controls.Record(ctx, controls.AppPolicy, controls.Deny, decision.Reason,
		"decision_id", decision.ID, "rule", decision.Rule, "caller", in.Caller, "route", in.Route)
	if err != nil {
		return ctx, fault.Wrap(fault.Internal, err, "no policy decision")
	}
	return ctx, fault.New(fault.Denied, "%s", decision.Reason)
}

// Leave measures the request and writes its access log line, with the cause of its error. It is called exactly
// once, after the response.
func (r *Request) Leave(ctx context.Context, status int, err error) {
	defer controls.Begin(ctx, controls.Telemetry).End()
	took := time.Since(r.start)
	caller := "none"
	if r.known {
		caller = r.caller.Service
	}
	r.boundary.Metrics.ObserveRequest(caller, r.route, status, took)
	for _, e := range controls.LedgerOf(ctx).Entries() {
		if _, registered := controls.Lookup(e.Name); registered { // labels are bounded
			r.boundary.Metrics.Control(e.Name).Observe(e.Time.Seconds())
		}
		r.span.Took(e.Name, e.Count, e.Time)
	}
	r.span.End(r.route, caller, telemetry.RequestID(ctx), status)
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("caller", caller), slog.String("route", r.route), slog.Int("status", status),
		slog.Int64("duration_us", took.Microseconds()),
	}
	if r.decision.Allow { // a denial has its own record
		attrs = append(attrs, slog.String("decision_id", r.decision.ID), slog.String("rule", r.decision.Rule))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
		if fault.KindOf(err) == fault.Internal {
			level = slog.LevelError
		}
	}
	telemetry.Log(ctx).LogAttrs(ctx, level, "request", attrs...)
}

// Timing is where the request's time went until now, as the value of a Server-Timing field for its caller; "" unless the
// transaction wants it. ctx is the one that Admit has returned.
func (r *Request) Timing(ctx context.Context) string {
	if !authn.WantsTiming(ctx) {
		return ""
	}
	return controls.LedgerOf(ctx).Timing(r.boundary.Workload, r.route)
}
