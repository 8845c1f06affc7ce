package edge

import (
	"net/http"
	"slices"
	"strings"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/servertiming"
)

// timings has the response of a client whose token has the scope end with where its time went, and every service behind
// it tell the same of itself: the transaction keeps the scope. Who asks without it (Prefer: server-timing) is served like
// anybody else, and noted: how long a check or a look-up took can tell what it found.
func timings(x *Exchange) error {
	if x.Route.Public {
		return nil
	}
	if !slices.Contains(x.Token.Scopes, servertiming.Scope) {
		if !asksForTimings(x.Request().Header) {
			return nil
		}
		if controls.On(controls.EdgeTimings) {
			x.Note(controls.EdgeTimings, "timings are for access tokens with the scope "+servertiming.Scope)
			return nil
		}
	}
	x.Scope = append(slices.Clip(x.Scope), servertiming.Scope)
	ledger, route := controls.LedgerOf(x.Request().Context()), x.name()
	x.timed = httpserver.Timing(x.Context, func() string { return ledger.Timing("gateway", route) })
	return nil
}

// asksForTimings: RFC 7240, section 2.
func asksForTimings(h http.Header) bool {
	for _, value := range h["Prefer"] {
		for preference := range strings.SplitSeq(value, ",") {
			name, _, _ := strings.Cut(preference, ";")
			if strings.EqualFold(strings.TrimSpace(name), servertiming.Field) {
				return true
			}
		}
	}
	return false
}
