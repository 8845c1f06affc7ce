package edge

import (
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"

	"redoubt.example/gateway/internal/accesstoken"
	"redoubt.example/gateway/internal/ratelimit"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// Exchange is one request on its way through the controls, and what they have found out about it so far.
type Exchange struct {
	echo.Context
	Route *Route            // nil: no route matched
	From  netip.Addr        // where the request comes from, behind trusted proxies
	Token accesstoken.Token // who the client is; zero before authenticate, and on a public route
	Scope []string          // what route and token have in common
	Inner http.Header       // the header fields that go on to the upstream
	Body  []byte            // the whole body, once it was read
	JSON  any               // what the body says, once it was checked against the contract; nil: none, or unchecked

	Country string // of From, where that is known

	scheme, credential string // of the Authorization header
	who                client
	limits             [limitsInAll]ratelimit.Result
	limited            uint8 // which of limits are set, one bit each
	after              []func()
	timed              func() // ends the response with its timings; nil: it has none
}

// exchangeKey holds the request's *Exchange in its echo.Context.
const exchangeKey = "exchange"

func exchangeOf(c echo.Context) *Exchange { return c.Get(exchangeKey).(*Exchange) }

// After has f run when the response was sent: to give back what a control took.
func (x *Exchange) After(f func()) { x.after = append(x.after, f) }

// Deny leaves the decision record of a control, the evidence that it and no other stopped the request, and
// returns the fault to answer with. The client may read the reason. attrs are slog's.
func (x *Exchange) Deny(id string, kind fault.Kind, reason string, attrs ...any) error {
	x.Note(id, reason, attrs...)
	return fault.New(kind, "%s", reason)
}

// Note leaves a control's decision record where something was taken from the request that may go on.
func (x *Exchange) Note(id, reason string, attrs ...any) {
	attrs = append(attrs, "route", x.name(), "peer", x.Request().RemoteAddr)
	attrs = x.describe(attrs)
	controls.Record(x.Request().Context(), id, controls.Deny, reason, attrs...)
}

// name is the route's, as topology.yaml writes it.
func (x *Exchange) name() string {
	if x.Route == nil {
		return unmatched
	}
	return x.Route.Route
}
