package waf

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// rule is a SecRule or SecAction of the Core Rule Set, with the rules that are chained to it.
type rule struct {
	ID         int
	Phase      string
	Variables  []string
	Operator   string // "@rx", "!@within", ...; "" for SecAction
	Argument   string
	Actions    []string // as written: "t:none", "setvar:'tx.x=1'"
	Chained    []rule
	marker     string // SecMarker: the name, and nothing else
	skipBefore bool   // a rule before it may skip it by counting: its place matters
}

var (
	directive = regexp.MustCompile(`^(SecRule|SecAction|SecMarker)\s+(.*)$`)
	quoted    = regexp.MustCompile(`^"((?:[^"\\]|\\.)*)"\s*`)
)

// parseRules reads a file of rules. Directives that are no rules only take something away from them
// (SecRuleUpdateTargetById) or name the file; they are left out.
func parseRules(text string) ([]rule, error) {
	var all []rule
	chain, skip := false, 0
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\\\n", ""), "\n") {
		m := directive.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		r, err := parseRule(m[1], m[2])
		if err != nil {
			return nil, fmt.Errorf("%.80s: %w", line, err)
		}
		if chain {
			parent := &all[len(all)-1]
			parent.Chained = append(parent.Chained, r)
		} else {
			r.skipBefore = skip > 0
			skip = max(0, skip-1)
			if n, err := strconv.Atoi(r.value("skip")); err == nil {
				skip = n
			}
			all = append(all, r)
		}
		chain = r.has("chain")
	}
	return all, nil
}

func parseRule(kind, rest string) (r rule, err error) {
	if kind == "SecMarker" {
		return rule{marker: strings.Trim(rest, `"`)}, nil
	}
	if kind == "SecRule" {
		variables, after, ok := strings.Cut(rest, " ")
		operator, ok2 := "", false
		if operator, rest, ok2 = unquote(strings.TrimSpace(after)); !ok || !ok2 {
			return r, fmt.Errorf("no variables or no operator")
		}
		r.Variables = strings.Split(variables, "|")
		r.Operator, r.Argument, _ = strings.Cut(operator, " ")
		if !strings.HasPrefix(strings.TrimPrefix(r.Operator, "!"), "@") {
			r.Operator, r.Argument = "@rx", operator
		}
	}
	actions, _, ok := unquote(rest)
	if !ok {
		return r, fmt.Errorf("no actions")
	}
	r.Actions = splitActions(actions)
	r.Phase = r.value("phase")
	r.ID, _ = strconv.Atoi(strings.Trim(r.value("id"), "'"))
	return r, nil
}

func unquote(s string) (inside, rest string, ok bool) {
	m := quoted.FindStringSubmatch(s)
	if m == nil {
		return "", s, false
	}
	return m[1], s[len(m[0]):], true
}

// splitActions splits at commas outside of quotes.
func splitActions(s string) (all []string) {
	inside, begin := false, 0
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || s[i] == ',' && !inside:
			if a := strings.TrimSpace(s[begin:i]); a != "" {
				all = append(all, a)
			}
			begin = i + 1
		case s[i] == '\'' && (i == 0 || s[i-1] != '\\'):
			inside = !inside
		}
	}
	return all
}

func (r rule) has(action string) bool {
	for _, a := range r.Actions {
		if a == action {
			return true
		}
	}
	return false
}

// value is what stands after an action's colon, of the first with the name.
func (r rule) value(action string) string {
	for _, a := range r.Actions {
		if v, ok := strings.CutPrefix(a, action+":"); ok {
			return v
		}
	}
	return ""
}

// mentions tells whether the rule or a chained one has an action that contains the text.
func (r rule) mentions(text string) bool {
	for _, a := range r.Actions {
		if strings.Contains(strings.ToLower(a), text) {
			return true
		}
	}
	for _, c := range r.Chained {
		if c.mentions(text) {
			return true
		}
	}
	return false
}

// level is the paranoia level from which on the rule is in force; 0: always.
func (r rule) level() int {
	for _, a := range r.Actions {
		if n, ok := strings.CutPrefix(a, "tag:'paranoia-level/"); ok {
			level, _ := strconv.Atoi(strings.TrimSuffix(n, "'"))
			return level
		}
	}
	return 0
}

// transformations are those that are in force: t:none discards what was before it.
func (r rule) transformations() (all []string) {
	for _, a := range r.Actions {
		if name, ok := strings.CutPrefix(a, "t:"); ok {
			if all = append(all, name); name == "none" {
				all = nil
			}
		}
	}
	return all
}
