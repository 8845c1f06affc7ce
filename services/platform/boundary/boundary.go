// Package boundary is what every request passes before a handler sees it, whatever the wire: who calls (the
// mesh says so), the request ID, the principal (the transaction token says so), the policy's decision; and,
// on the way out, one access log line and one measurement. httpserver and grpcserver are its two adapters.
package boundary

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/policy"
	"redoubt.example/services/platform/telemetry"
)

const (
	// RequestTimeout bounds the work on one request, StreamTimeout that on one stream. Callers wait less long:
	// they stop us by going away.
	RequestTimeout = 15 * time.Second
	StreamTimeout  = 2 * time.Minute
	// DrainTimeout bounds what an ending process grants its open requests.
	DrainTimeout = 10 * time.Second
	// MaxBody is the largest request body or message, unless a route says otherwise.
	MaxBody = 1 << 20
	// Unmatched is the route label of a request for something that isn't offered.
	Unmatched = "unmatched"
)

// Config is what a server needs to guard its routes.
type Config struct {
	Workload string
	Log      *slog.Logger
	Metrics  *telemetry.Metrics
	Tracing  *telemetry.Tracing // nil: a caller's trace context is passed on as it came
	Verifier *authn.Verifier    // nil only where no route needs a principal
	Policy   *policy.Decider
	Topology *topology.Topology
}

// Boundary guards the routes of one service.
type Boundary struct {
	Config
	routes map[string]topology.Route
}

// New checks that offered is exactly what topology.yaml lists for the workload: no route nobody decided about,
// and none that callers rely on in vain.
func New(cfg Config, offered []string) (*Boundary, error) {
	service := cfg.Topology.Services[cfg.Workload]
	if service == nil {
		return nil, fmt.Errorf("%q is not a service of topology.yaml", cfg.Workload)
	}
	if cfg.Policy == nil {
		return nil, fmt.Errorf("%s has no policy", cfg.Workload)
	}
	b := &Boundary{Config: cfg, routes: map[string]topology.Route{}}
	var errs []error
	for _, text := range offered {
		route, ok := cfg.Topology.Route(cfg.Workload, text)
		switch _, twice := b.routes[text]; {
		case !ok:
			errs = append(errs, fmt.Errorf("topology.yaml lists no route %q for %s", text, cfg.Workload))
		case twice:
			errs = append(errs, fmt.Errorf("route %q has two handlers", text))
		case route.NeedsPrincipal() && cfg.Verifier == nil:
			errs = append(errs, fmt.Errorf("route %q needs a principal, but %s can't verify transaction tokens", text, cfg.Workload))
		}
		b.routes[text] = route
	}
	for _, route := range service.Routes {
		if !slices.Contains(offered, route.Route) {
			errs = append(errs, fmt.Errorf("topology.yaml's route %q of %s has no handler", route.Route, cfg.Workload))
		}
	}
	return b, errors.Join(errs...)
}
