package review

import (
	"fmt"
	"slices"
	"strings"

	"redoubt.example/threatmodel"
)

// Questions are what the threat model should answer next, as far as that follows from the records.
func (i Incident) Questions() (all []string) {
	ask := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	seen := map[string]bool{}
	for _, r := range i.Refusals() {
		seen[r.Control] = true
	}
	for _, t := range i.Threats {
		i.aboutLayers(t, seen, ask)
		if len(i.Proof[t.ID]) == 0 {
			ask("%s (%s) is tested by no attack of the suite: what proves that its controls stop it?", t.ID, t.Title)
		}
	}
	if len(i.Threats) == 0 {
		ask("No alert of this incident names a threat that the model knows: which one is it?")
	}
	for _, r := range i.Refusals() {
		if !slices.ContainsFunc(i.Threats, func(t threatmodel.Threat) bool { return slices.Contains(t.All(), r.Control) }) {
			ask("`%s` refused something of this, and no threat of these lists it: is there a threat that is missing, or a control in one?", r.Control)
		}
	}
	times := i.Times()
	if len(i.Responses) == 0 {
		ask("Nothing was done about it: should a runbook match `%s`, or is being told enough?", strings.Join(i.rules(), "`, `"))
	} else if times.Contained == 0 {
		ask("What was done kept nobody out: which action would have?")
	}
	if times.Contained > 0 && times.Refused == 0 {
		ask("No refusal was recorded after it was contained: did the attacker stop, or does something no longer report?")
	}
	for _, r := range i.Responses {
		if r.State == "failed" || r.State == "refused" {
			ask("The response `%s` to %s was %s (%s): is its guard right, and who would have acted instead?", r.Action, r.Target, r.State, r.Reason)
		}
	}
	return all
}

// aboutLayers asks about the layers of a threat's controls that left no record: nothing reached them, or they were silent.
func (i Incident) aboutLayers(t threatmodel.Threat, seen map[string]bool, ask func(string, ...any)) {
	var acted, silent []string
	for _, layer := range threatmodel.Layers {
		controls := t.Controls[layer]
		switch {
		case len(controls) == 0:
		case slices.ContainsFunc(controls, func(id string) bool { return seen[id] }):
			acted = append(acted, layer)
		default:
			silent = append(silent, fmt.Sprintf("%s (`%s`)", layer, strings.Join(controls, "`, `")))
		}
	}
	switch {
	case len(silent) == 0:
	case len(acted) == 0:
		ask("%s (%s): none of its controls left a record of it: %s. Did it get through, or did nobody report?", t.ID, t.Title, strings.Join(silent, ", "))
	default:
		ask("%s (%s) was stopped at %s; %s left no record. Would it have stopped it, had the first not been there?", t.ID, t.Title,
			strings.Join(acted, " and "), strings.Join(silent, ", "))
	}
}

// rules are those that came true, each once.
func (i Incident) rules() (names []string) {
	for _, a := range i.Alerts {
		if !slices.Contains(names, a.Rule) {
			names = append(names, a.Rule)
		}
	}
	return names
}
