package waf

import (
	"regexp"
	"slices"
	"strings"
)

// prune leaves out rules that can make no difference to the others: those that set what no other reads, those that ask
// for what none sets, and marks that nothing skips to. The setup before them sets levels and methods alone.
func prune(rules []rule) []rule {
	for {
		text := rulesText(rules)
		left := slices.DeleteFunc(slices.Clone(rules), func(r rule) bool {
			switch {
			case r.marker != "":
				return !strings.Contains(text, "skipafter:"+strings.ToLower(r.marker))
			case r.neverMatches(text):
				return true
			}
			return !r.accuses() && r.setsNothingRead(rules)
		})
		if len(left) == len(rules) {
			return left
		}
		rules = left
	}
}

// ask finds a rule that asks whether a variable was set.
var ask = regexp.MustCompile(`^&tx:([a-z_]+)$`)

// neverMatches: it asks for a variable that nothing sets, or for a paranoia level other than the one that is set.
func (r rule) neverMatches(text string) bool {
	if len(r.Variables) != 1 {
		return false
	}
	variable := strings.ToLower(r.Variables[0])
	if m := ask.FindStringSubmatch(variable); m != nil && r.Operator == "@eq" && r.Argument == "1" {
		return !strings.Contains(text, "tx."+m[1]+"=")
	}
	return variable == "tx:detection_paranoia_level" || variable == "&tx:crs_setup_version"
}

// setsNothingRead: all that a match does is to set variables that no other rule reads.
func (r rule) setsNothingRead(rules []rule) bool {
	others := rulesText(slices.DeleteFunc(slices.Clone(rules), func(o rule) bool { return o.ID == r.ID }))
	for _, a := range allActions(r) {
		switch name, value, _ := strings.Cut(strings.ToLower(a), ":"); name {
		case "setvar":
			variable, _, _ := strings.Cut(strings.TrimPrefix(strings.Trim(value, "'"), "tx."), "=")
			if strings.Contains(variable, "_score") {
				continue // the screen adds up nothing
			}
			if strings.Contains(variable, "%{") || strings.Contains(others, "%{tx."+variable) || strings.Contains(others, "|tx:"+variable) || readByPattern(variable, others) {
				return false
			}
		case "ctl", "skip", "skipafter", "initcol", "deny", "block", "drop", "exec", "setenv":
			return false
		}
	}
	return true
}

// pattern finds where variables are chosen by a regular expression.
var pattern = regexp.MustCompile(`tx:/\^?([a-z_]+)`)

func readByPattern(variable, text string) bool {
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(variable, strings.TrimSuffix(m[1], "_")) {
			return true
		}
	}
	return false
}

// rulesText is all that rules say, in lower case; a variable is preceded by a bar.
func rulesText(rules []rule) string {
	var b strings.Builder
	for _, r := range rules {
		b.WriteString("|" + strings.Join(r.Variables, "|") + " " + r.Argument + " " + strings.Join(r.Actions, ",") + "\n")
		b.WriteString(rulesText(r.Chained))
	}
	return strings.ToLower(b.String())
}

func allActions(r rule) []string {
	all := slices.Clone(r.Actions)
	for _, c := range r.Chained {
		all = append(all, allActions(c)...)
	}
	return all
}
