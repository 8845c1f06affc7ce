package edge

import (
	"errors"

	"github.com/labstack/echo/v4"

	"redoubt.example/services/platform/controls"
)

// Control is one step on a request's way to its handler.
type Control struct {
	ID string // in the register; what its time is entered under
	// Check lets the request go on, or refuses it by an error: Exchange.Deny's, as a rule. nil: it isn't configured.
	Check func(*Exchange) error
	// Always has it check requests that match no route, too.
	Always bool
	// Own: Check looks itself at which of its controls are in force; else the chain leaves it out when ID is off.
	Own bool
	// Parts: its check stands for several controls, and each enters its time itself.
	Parts bool
}

// errAnswered ends a request that a check has answered itself.
var errAnswered = errors.New("answered")

// chain lists the controls in the order in which a request passes them: what costs little and needs to know
// nothing first, what reads the body last. Nothing inside hears of a request before all of them have let it pass.
func chain(cfg Config) []Control {
	limits := newLimiters(cfg.Limits)
	return []Control{
		{ID: controls.EdgeContainment, Check: containAddress(cfg), Always: true},
		{ID: controls.EdgeAddress, Check: reputation(cfg), Always: true},
		{ID: controls.EdgeShape, Check: checkShape, Always: true},
		limits.address(),
		{ID: controls.EdgeCORS, Check: crossOrigin(cfg), Always: true, Own: true},
		{ID: controls.EdgeLifecycle, Check: lifecycle(cfg), Always: true},
		{ID: controls.EdgeRoutes, Check: routes, Always: true, Own: true},
		{ID: controls.EdgeToken, Check: authenticate(cfg), Own: true, Parts: true},
		{ID: controls.EdgeDPoP, Check: possession(cfg)},
		{ID: controls.EdgeContainment, Check: containClient(cfg)},
		{ID: controls.EdgeScope, Check: authorize, Own: true},
		{ID: controls.EdgeTimings, Check: timings, Own: true},
		limits.principal(),
		limits.route(),
		{ID: controls.EdgeHeaders, Check: cleanHeaders, Own: true},
		{ID: controls.EdgeDecompression, Check: refuseCompressed},
		{ID: controls.EdgeBodyLimit, Check: readBody, Own: true},
		limits.cost(),
		{ID: controls.EdgeLoadShed, Check: shedLoad(cfg)},
		{ID: controls.EdgeSchema, Check: schema(cfg)},
		{ID: controls.EdgeWAF, Check: inspect(cfg)},
	}
}

func (s Control) check(x *Exchange) error {
	if !s.Parts {
		defer controls.Begin(x.Request().Context(), s.ID).End()
	}
	return s.Check(x)
}

// enforce puts the chain before the handlers. What is switched off was so at start, so it isn't asked again.
func enforce(cfg Config, find func(echo.Context) *Route) echo.MiddlewareFunc {
	var steps []Control
	for _, s := range chain(cfg) {
		if s.Check != nil && (s.Own || controls.On(s.ID)) {
			steps = append(steps, s)
		}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if isProbe(c) {
				return next(c)
			}
			x := &Exchange{Context: c, Route: find(c), From: cfg.Proxies.Client(c.Request().RemoteAddr, c.Request().Header)}
			c.Set(exchangeKey, x)
			defer func() {
				for _, f := range x.after {
					f()
				}
			}()
			for _, s := range steps {
				if x.Route == nil && !s.Always {
					continue
				}
				switch err := s.check(x); {
				case errors.Is(err, errAnswered):
					return nil
				case err != nil:
					return err
				}
			}
			return next(c)
		}
	}
}
