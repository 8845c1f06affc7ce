package waf

import (
	"fmt"
	"path"
	"strings"
)

// keep writes a rule as it is, without what it would say, and ending the transaction where it would add to a score.
func (s *screen) keep(r rule) {
	if r.marker != "" {
		fmt.Fprintf(&s.directives, "SecMarker %q\n", r.marker)
		return
	}
	s.write(r, r.accuses())
	for _, c := range r.Chained {
		s.write(c, false)
	}
}

func (s *screen) write(r rule, ends bool) {
	var actions []string
	for _, a := range r.Actions {
		switch name, _, _ := strings.Cut(a, ":"); name {
		case "msg", "logdata", "tag", "ver", "rev", "severity", "log", "auditlog", "noauditlog", "capture", "status":
			if name == "capture" {
				actions = append(actions, a)
			}
		case "setvar":
			if !strings.Contains(strings.ToLower(a), "_score") { // the first accusation ends it
				actions = append(actions, a)
			}
		case "block", "deny", "drop", "pass":
			if !ends {
				actions = append(actions, "pass")
			}
		default:
			actions = append(actions, a)
		}
	}
	if ends {
		actions = append(actions, "deny")
	}
	list := strings.Join(actions, ",")
	if r.Operator == "" {
		fmt.Fprintf(&s.directives, "SecAction \"%s\"\n", list)
		return
	}
	argument := r.Argument
	if strings.HasSuffix(strings.ToLower(r.Operator), "fromfile") || r.Operator == "@pmf" {
		argument = path.Join(rulesFolder, argument) // the screen lies elsewhere
	}
	fmt.Fprintf(&s.directives, "SecRule %s \"%s %s\" \"%s\"\n", strings.Join(r.Variables, "|"), r.Operator, argument, list)
}
