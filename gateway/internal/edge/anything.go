package edge

import (
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// proxyAnything is what a gateway without a list of routes does: a path's first segment names the service, and the
// rest is what is asked of it. It is there with edge.routes off alone.
func proxyAnything(e *echo.Echo, cfg Config, routes map[string]*Route) {
	const anything = "/:service/*"
	var services, scopes []string
	for _, r := range cfg.Routes {
		scopes = append(scopes, r.Scopes...)
		if !strings.HasPrefix(r.To, "/") { // gRPC can't be passed on like this
			services = append(services, r.Upstream)
		}
	}
	for _, r := range e.Any(anything, func(c echo.Context) error {
		service := c.Param("service")
		if !slices.Contains(services, service) {
			return echo.ErrNotFound
		}
		pass, err := forward(cfg.Upstream(service), Route{Upstream: service, To: c.Request().Method + " /" + c.Param("*")})
		if err != nil {
			return err
		}
		return pass(c)
	}) {
		routes[r.Method+" "+anything] = &Route{Route: r.Method + " " + anything, Scopes: scopes}
	}
}
