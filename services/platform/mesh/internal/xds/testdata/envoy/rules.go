package main

import (
	"crypto/x509"
	"regexp"

	rbac "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
)

// allows evaluates what Consul makes of intentions: a caller's ID by a regular expression, and conjunctions of such. What
// it doesn't know matches nobody, or with a negation in front: nobody, too.
func allows(rules *rbac.RBAC, caller *x509.Certificate) bool {
	if rules.GetAction() != rbac.RBAC_ALLOW || len(caller.URIs) != 1 {
		return false
	}
	for _, policy := range rules.Policies {
		for _, principal := range policy.Principals {
			if matches(principal, caller.URIs[0].String()) {
				return true
			}
		}
	}
	return false
}

func matches(p *rbac.Principal, id string) bool {
	switch kind := p.Identifier.(type) {
	case *rbac.Principal_Authenticated_:
		pattern, err := regexp.Compile("^(?:" + kind.Authenticated.GetPrincipalName().GetSafeRegex().GetRegex() + ")$")
		return err == nil && pattern.MatchString(id)
	case *rbac.Principal_AndIds:
		for _, part := range kind.AndIds.Ids {
			if !matches(part, id) {
				return false
			}
		}
		return len(kind.AndIds.Ids) > 0
	case *rbac.Principal_OrIds:
		for _, part := range kind.OrIds.Ids {
			if matches(part, id) {
				return true
			}
		}
	}
	return false
}
