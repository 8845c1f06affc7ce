package respond

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

// What the engine holds to, whatever a runbook says.
const (
	isolate = "isolate-service"
	// oldest is how old an alert may be that something is done about without a person: one that comes after an outage may be about
	// what has long passed.
	oldest = 5 * time.Minute
	// mostOpen bounds, runbook by runbook, what waits for a person, and what was refused within the last moments. What is beyond is
	// left out: a flood about one thing neither fills the journal nor pushes out what another runbook has to say.
	mostOpen = 50
	// proposalLife is how long a proposal waits.
	proposalLife = time.Hour
	// quiet is how long the same refusal isn't told again.
	quiet = 10 * time.Minute
	// remembered bounds the responses that are known: those that are over go, oldest first.
	remembered = 2000
)

// Target is the proved field of a subject that a step is for; "": the alert doesn't have it.
func Target(step threatmodel.Step, s alert.Subject) string {
	switch step.Target {
	case "caller":
		return s.Caller
	case "principal":
		return s.Principal
	case "token":
		return s.Token
	case "api_key":
		return s.APIKey
	case "address":
		return s.Address
	case "token-key":
		return step.Target
	}
	return ""
}

var opaque = regexp.MustCompile(`^[A-Za-z0-9_:.=/+-]{8,128}$`)

// never says why an action is never done to a target, approved or not; "" if it may be.
func (e *Engine) never(r threatmodel.Runbook, kind, target string) string {
	switch a := threatmodel.Actions[kind]; {
	case a.Target == "":
		return "there is no such action"
	case a.Within && (slices.Contains(threatmodel.Spared, target) || slices.Contains(r.Guard.Never, target)):
		return fmt.Sprintf("never done to %s", target)
	case a.Within && !slices.Contains(e.cfg.Services, target):
		return "that is no service of ours"
	case a.Target == "address":
		return e.neverBlocked(target)
	case a.Target == "token-key" && target != a.Target:
		return "there is no such key"
	case !a.Within && a.Target != "token-key" && !opaque.MatchString(target):
		return "that is no name that a verified token could have"
	}
	return ""
}

func (e *Engine) neverBlocked(target string) string {
	at, err := netip.ParseAddr(target)
	if err != nil || at.Zone() != "" || at.IsUnspecified() || at.IsMulticast() {
		return "that is no client's address"
	}
	at = at.Unmap()
	if slices.ContainsFunc(e.cfg.Shared, func(p netip.Prefix) bool { return p.Contains(at) }) {
		return "honest users share the address"
	}
	return ""
}

// crowded tells whether a runbook has so much of a state already that one more says nothing. The caller holds mu.
func (e *Engine) crowded(entry *Entry, now time.Time) bool {
	n := 0
	for _, x := range e.entries {
		if x.Runbook == entry.Runbook && x.State == entry.State && (x.State == Proposed || now.Sub(x.Time) < quiet) {
			n++
		}
	}
	return n >= mostOpen
}

// full says why there is no room for an action, approved or not; "" if there is.
func (e *Engine) full(r threatmodel.Runbook, kind string) string {
	inForce := 0
	for _, x := range e.entries {
		if !x.inForce() {
			continue
		}
		if kind == isolate && x.Action == isolate {
			return fmt.Sprintf("%s is isolated already, and one service at a time may be: `lab respond undo %s` first", x.Target, x.ID)
		}
		if x.Runbook == r.ID {
			inForce++
		}
	}
	if inForce >= r.Guard.AtOnce {
		return fmt.Sprintf("%d of the runbook's actions are in force, and no more may be", inForce)
	}
	return ""
}

// hesitates says why something isn't done without a person, though its runbook's mode would have it so; "" if it is.
func (e *Engine) hesitates(r threatmodel.Runbook, kind, target string, a alert.Alert, now time.Time) string {
	switch {
	case threatmodel.Actions[kind].Target == "principal" && slices.Contains(e.cfg.Staff, target):
		return "the principal is staff"
	case !slices.Contains(r.Guard.Accusers, a.Subject.Reporter):
		return fmt.Sprintf("on the word of %s alone", or(a.Subject.Reporter, "nobody"))
	case now.Sub(a.Time) > oldest:
		return "it was " + now.Sub(a.Time).Round(time.Minute).String() + " ago"
	}
	all, its := 0, 0
	for _, x := range e.entries {
		if !x.Auto || x.Runbook != r.ID || x.Done.IsZero() {
			continue
		}
		if now.Sub(x.Done) < r.Guard.Rate.Within {
			all++
		}
		if x.Action == kind && x.Target == target && now.Sub(x.Done) < r.Guard.Each.Within {
			its++
		}
	}
	switch {
	case its >= r.Guard.Each.Most:
		return fmt.Sprintf("it was done %d times to the same within %s", its, short(r.Guard.Each.Within))
	case all >= r.Guard.Rate.Most:
		return fmt.Sprintf("the runbook did so %d times within %s", all, short(r.Guard.Rate.Within))
	}
	return e.full(r, kind)
}

// short writes 1h0m0s as 1h.
func short(d time.Duration) string {
	text := strings.TrimSuffix(d.String(), "0s")
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}
