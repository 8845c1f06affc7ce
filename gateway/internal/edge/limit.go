package edge

import (
	"redoubt.example/gateway/internal/address"
	"redoubt.example/gateway/internal/ratelimit"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// Limits are the rate limits. A quota that is zero limits nothing.
type Limits struct {
	Limiter   ratelimit.Limiter // nil: nothing is limited
	Address   ratelimit.Quota   // requests from one network, whoever they say they are from
	Principal ratelimit.Quota   // requests of one principal, from wherever
	// Route is for the requests of one client to one route. That of all clients together would be a lever for
	// whoever wants to lock the others out; what protects an upstream from all of them is load shedding.
	Route ratelimit.Quota
	Cost  ratelimit.Quota // bytes that one client gives the model to read
}

// modelUpstream is the service whose requests cost by their length.
const modelUpstream = "inference"

// The limits of one request, in the order in which it meets them.
const (
	byAddress = iota
	byPrincipal
	byRoute
	byCost
	limitsInAll
)

// limiters are what New makes of Limits once, for all requests.
type limiters struct {
	limiter ratelimit.Limiter
	limits  [limitsInAll]ratelimit.Limit
	// policies holds the RateLimit-Policy field of each set of limits, one bit per limit.
	policies [1 << limitsInAll][]string
}

func newLimiters(l Limits) *limiters {
	all := &limiters{limiter: l.Limiter, limits: [limitsInAll]ratelimit.Limit{
		byAddress:   {Name: "address", Quota: l.Address},
		byPrincipal: {Name: "principal", Quota: l.Principal},
		byRoute:     {Name: "route", Quota: l.Route},
		byCost:      {Name: "cost", Unit: "content-bytes", Quota: l.Cost},
	}}
	for set := 1; set < len(all.policies); set++ {
		text := ""
		for i := range all.limits {
			if set&(1<<i) == 0 || all.limits[i].Quota.Unlimited() {
				continue
			}
			if text != "" {
				text += ", "
			}
			text += all.limits[i].Policy()
		}
		all.policies[set] = []string{text}
	}
	return all
}

// check returns the check of one limit. of returns the key that uses the units; "": the limit isn't for this request.
func (l *limiters) check(which int, id string, of func(*Exchange) (key string, units int64)) func(*Exchange) error {
	limit := &l.limits[which]
	if l.limiter == nil || limit.Quota.Unlimited() {
		return nil
	}
	return func(x *Exchange) error {
		key, units := of(x)
		if key == "" {
			return nil
		}
		result := l.limiter.Take(x.Request().Context(), limit, key, units)
		l.tell(x, which, result)
		if result.Allowed {
			return nil
		}
		return fault.RetryAfter(x.Deny(id, fault.RateLimited, "too many requests, by the limit "+limit.Name, "client", x.client()), result.RetryAfter)
	}
}

// tell has the response say how much is left of each quota that the request used.
func (l *limiters) tell(x *Exchange, which int, result ratelimit.Result) {
	if x.limited == 0 {
		x.Response().Before(func() {
			header := x.Response().Header()
			header["Ratelimit-Policy"] = l.policies[x.limited]
			header["Ratelimit"] = []string{string(l.state(x))}
		})
	}
	x.limited |= 1 << which
	x.limits[which] = result
}

func (l *limiters) state(x *Exchange) []byte {
	field := make([]byte, 0, 128)
	for i := range l.limits {
		if x.limited&(1<<i) != 0 {
			field = l.limits[i].AppendState(field, x.limits[i])
		}
	}
	return field
}

func (l *limiters) address() Control {
	return Control{ID: controls.EdgeLimitAddress, Always: true, Check: l.check(byAddress, controls.EdgeLimitAddress, func(x *Exchange) (string, int64) {
		return address.Network(x.From).String(), 1
	})}
}

func (l *limiters) principal() Control {
	return Control{ID: controls.EdgeLimitPrincipal, Check: l.check(byPrincipal, controls.EdgeLimitPrincipal, func(x *Exchange) (string, int64) {
		return x.Token.Principal, 1
	})}
}

func (l *limiters) route() Control {
	return Control{ID: controls.EdgeLimitRoute, Check: l.check(byRoute, controls.EdgeLimitRoute, func(x *Exchange) (string, int64) {
		return x.Route.Route + " " + x.client(), 1
	})}
}

func (l *limiters) cost() Control {
	return Control{ID: controls.EdgeLimitCost, Check: l.check(byCost, controls.EdgeLimitCost, func(x *Exchange) (string, int64) {
		if x.Route.Upstream != modelUpstream {
			return "", 0
		}
		return x.client(), int64(len(x.Body))
	})}
}
