package attack

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"redoubt.example/loadtest/attacks"
)

// kernelErrnos are refusals of the kernel's own making, for which nobody writes a record.
var kernelErrnos = []string{"EACCES", "EPERM", "ECONNREFUSED", "ENOENT"}

// networkErrnos are those of somebody whom the network keeps out, where there are networks.
var networkErrnos = []string{"ECONNREFUSED", "TIMEOUT", "ENETUNREACH", "EHOSTUNREACH"}

// judge finds the verdict of one attempt. twin is the benign twin's outcome in the same run; by is the control that is
// expected to stop the attempt now.
func (p *player) judge(ctx context.Context, w *watch, a attacks.Attack, by string, twin, o outcome) (Verdict, Evidence, error) {
	none := func(format string, args ...any) (Verdict, Evidence, error) {
		return Inconclusive, Evidence{Kind: "none", Twin: twin.Outcome, Summary: fmt.Sprintf(format, args...)}, nil
	}
	switch {
	case o.Outcome == gained:
		return Succeeded, Evidence{Kind: "none", Twin: twin.Outcome, Summary: "the attacker got it: " + o.Detail}, nil
	case o.Outcome != refused:
		return none("the attack broke: %s", o.Detail)
	case twin.Outcome != gained:
		return none("its benign twin was %s: %s", twin.Outcome, twin.Detail)
	}
	if where := w.leaked(ctx, o); where != "" {
		return Succeeded, Evidence{Kind: "none", Twin: twin.Outcome, Summary: "a canary is in the log of " + where + ": " + o.Detail}, nil
	}
	switch a.Evidence {
	case attacks.EvidenceKernel:
		errnos := kernelErrnos
		if a.Needs == attacks.NeedsContainers {
			errnos = networkErrnos
		}
		if !slices.Contains(errnos, o.Errno) {
			return none("refused without the kernel's errno (%q): %s", o.Errno, o.Detail)
		}
		return Blocked, Evidence{Kind: a.Evidence, Errno: o.Errno, Twin: twin.Outcome, Summary: o.Errno + "; the permitted probe succeeded"}, nil
	case attacks.EvidenceAudit:
		return p.judgeAudit(ctx, w, twin, o)
	}
	line, found, err := w.find(ctx, by, o)
	if err != nil {
		return none("%v", err)
	}
	if !found {
		if others := w.instead(o); len(others) > 0 {
			return none("refused by %s, not by %s: %s", strings.Join(others, ", "), by, o.Detail)
		}
		return none("refused without a record of %s: %s", by, o.Detail)
	}
	if left := w.unrecorded(ctx, by, o.Each); left > 0 {
		return none("%d of %d tries were refused without a record: %s", left, len(o.Each), o.Detail)
	}
	reason, _ := line.Fields["reason"].(string)
	return Blocked, Evidence{Kind: attacks.EvidenceRecord, Component: line.Component, Record: line.Fields, Twin: twin.Outcome,
		Summary: line.Component + ": " + reason}, nil
}

// judgeFound is the verdict on an attack that nothing stops: it has to get what it is after, or there was nothing to find.
func judgeFound(raised *Alert, twin, o outcome) (Verdict, Evidence) {
	e := Evidence{Kind: "none", Twin: twin.Outcome}
	switch {
	case o.Outcome != gained:
		e.Summary = "nothing is said to stop it, and something did: " + o.Detail
	case twin.Outcome != gained:
		e.Summary = fmt.Sprintf("its benign twin was %s: %s", twin.Outcome, twin.Detail)
	case raised.Rule == "":
		e.Summary = "the attacker got it, and nobody said so: " + o.Detail
		return Succeeded, e
	default:
		e.Kind, e.Component, e.Summary = attacks.EvidenceAlert, "sentinel", "sentinel: "+raised.Rule
		return Found, e
	}
	return Inconclusive, e
}
