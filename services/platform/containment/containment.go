// Package containment is what the operator tells the gateway to refuse for a while: the one list of addresses, tokens, API keys and
// principals that are contained. It goes over the gateway's admin socket, whole each time: who is told twice knows the same.
package containment

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"time"
)

// Path is the route of the gateway's admin socket: PUT and GET a List.
const Path = "/v1/containment"

// The kinds of entries. Principals and tokens have the names that they have in events: see package pseudonym.
const (
	Address   = "block-address"      // an IPv4 address, or the /64 of an IPv6 one
	Token     = "revoke-token"       // an access token
	APIKey    = "revoke-api-key"     // by its public prefix
	Principal = "revoke-principal"   // all that a principal has
	Throttle  = "throttle-principal" // a principal's requests are served one at a time, with pauses
)

// Entry is one that is contained.
type Entry struct {
	Kind   string    `json:"kind"`
	Target string    `json:"target"`
	Until  time.Time `json:"until"`
}

// List is all of them.
type List struct {
	Entries []Entry `json:"entries"`
}

const (
	mostEntries = 10_000
	// Longest is for how long an entry may be: what nobody looks after ends.
	Longest = 25 * time.Hour
)

var name = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// Check reports the first thing that is wrong with a list, as of now. What is over already isn't wrong.
func (l List) Check(now time.Time) error {
	if len(l.Entries) > mostEntries {
		return fmt.Errorf("more than %d entries", mostEntries)
	}
	for i, e := range l.Entries {
		if err := e.check(now); err != nil {
			return fmt.Errorf("entry %d: %w", i+1, err)
		}
	}
	return nil
}

func (e Entry) check(now time.Time) error {
	switch e.Kind {
	case Address:
		if a, err := netip.ParseAddr(e.Target); err != nil || a.Zone() != "" {
			return errors.New("a target that is no address")
		}
	case Token, APIKey, Principal, Throttle:
		if !name.MatchString(e.Target) {
			return fmt.Errorf("%s: a target that is no name", e.Kind)
		}
	default:
		return errors.New("there is no such kind")
	}
	if e.Until.IsZero() || e.Until.Sub(now) > Longest {
		return fmt.Errorf("it says no end, or one later than in %s", Longest)
	}
	return nil
}
