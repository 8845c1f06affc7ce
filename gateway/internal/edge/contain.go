package edge

import (
	"redoubt.example/gateway/internal/accesstoken"
	"redoubt.example/gateway/internal/ratelimit"
	"redoubt.example/services/platform/containment"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// throttled is what a principal may do who is slowed down: his work goes on, and floods nobody.
var throttled = ratelimit.Limit{Name: "throttle", Quota: ratelimit.Quota{Count: 1, Period: 1e9}}

// containAddress refuses addresses that the operator has blocked, before anything else is looked at. Those that the allow list holds
// nobody blocks.
func containAddress(cfg Config) func(*Exchange) error {
	if cfg.Quarantine == nil {
		return nil
	}
	return func(x *Exchange) error {
		if !cfg.Quarantine.Address(x.From) || cfg.Addresses != nil && cfg.Addresses.Allowed(x.From) {
			return nil
		}
		return x.Deny(controls.EdgeContainment, fault.Denied, "the address is blocked for now", "client", x.From.String())
	}
}

// containClient refuses credentials and principals that the operator has revoked, once they are proved: a token that only names somebody
// is nobody's.
func containClient(cfg Config) func(*Exchange) error {
	if cfg.Quarantine == nil {
		return nil
	}
	return func(x *Exchange) error {
		q := cfg.Quarantine
		switch {
		case q.Name(containment.Token, x.who.token):
			return challenge(x, &accesstoken.Refusal{Control: controls.EdgeContainment, Reason: "the access token was revoked"}, "invalid_token")
		case q.Name(containment.APIKey, x.who.apiKey):
			x.Response().Header().Set("WWW-Authenticate", `ApiKey realm="redoubt"`)
			return x.Deny(controls.EdgeContainment, fault.Unauthenticated, "the API key was revoked")
		case q.Name(containment.Principal, x.who.user):
			return x.Deny(controls.EdgeContainment, fault.Denied, "the account is blocked for now")
		case q.Name(containment.Throttle, x.who.user) && cfg.Limits.Limiter != nil:
			if took := cfg.Limits.Limiter.Take(x.Request().Context(), &throttled, x.who.user, 1); !took.Allowed {
				return fault.RetryAfter(x.Deny(controls.EdgeContainment, fault.RateLimited, "the account is slowed down for now"), took.RetryAfter)
			}
		}
		return nil
	}
}
