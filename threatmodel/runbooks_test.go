package threatmodel_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"redoubt.example/threatmodel"
)

const goodRunbook = `
id: good
title: A title
why: A reason.
trigger: { rules: [sweep], level: high, threats: [T-001] }
steps:
  - { action: isolate-service, target: caller }
guard:
  never: [gateway, sentinel]
  accusers: [gateway]
  evidence: 1
  at_once: 1
  rate: { most: 2, within: 1h }
  each: { most: 1, within: 10m }
  expires: 1h
rollback: All is back.
mode: propose
`

func TestRunbooksThatAreRefused(t *testing.T) {
	detections := []threatmodel.Detection{{Name: "sweep", Level: "high", Threats: []string{"T-001"}}, {Name: "scan", Level: "low", Threats: []string{"T-001"}}}
	read := func(runbook, unanswered string) error {
		_, err := threatmodel.ReadRunbooks(fstest.MapFS{"good.yaml": {Data: []byte(runbook)}, "unanswered.yaml": {Data: []byte(unanswered)}}, detections)
		return err
	}
	if err := read(goodRunbook, "scan: a reason"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, why string }{
		{"id: good", "id: other", "isn't the file's name"},
		{"title: A title", "title: ''", "no title"},
		{"rollback: All is back.", "", "no rollback"},
		{"mode: propose", "mode: always", "off, propose or auto"},
		{"mode: propose", "mode: propose\nnotes: x", "not found"},
		{"rules: [sweep]", "rules: []", "no rule triggers it"},
		{"rules: [sweep]", "rules: [sleep]", "no detection"},
		{"rules: [sweep]", "rules: [sweep, scan]", "scan never triggers it"},
		{"threats: [T-001]", "threats: [T-002]", "sweep never triggers it"},
		{"level: high", "level: highest", "no level"},
		{"action: isolate-service", "action: shoot", "no action"},
		{"target: caller", "target: claimed", "only claimed"},
		{"target: caller", "target: reporter", "done to a caller"},
		{"target: caller", "target: principal", "done to a caller"},
		{"{ action: isolate-service, target: caller }", "{ action: revoke-token, target: claimed }", "only claimed"},
		{"[gateway, sentinel]", "[sentinel]", "never done to gateway"},
		{"[gateway, sentinel]", "[gateway]", "never done to sentinel"},
		{"at_once: 1", "at_once: 2", "one service at a time"},
		{"accusers: [gateway]", "accusers: []", "name accusers"},
		{"evidence: 1", "evidence: 0", "at least 1"},
		{"rate: { most: 2, within: 1h }", "rate: { most: 0, within: 1h }", "rate needs"},
		{"within: 10m", "within: 1s", "each needs"},
		{"each: { most: 1", "each: { most: 3", "more than all together"},
		{"expires: 1h", "", "what lasts expires"},
		{"expires: 1h", "expires: 48h", "what lasts expires"},
		{"{ action: isolate-service, target: caller }", "{ action: revoke-leases, target: caller }", "can't expire"},
	} {
		if !strings.Contains(goodRunbook, c.from) {
			t.Fatalf("%q isn't there to be replaced", c.from)
		}
		if err := read(strings.Replace(goodRunbook, c.from, c.to, 1), "scan: a reason"); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%q -> %q: %v", c.from, c.to, err)
		}
	}
	for text, why := range map[string]string{"scan: ''": "no reason", "sweep: a reason": "and good does", "nobody: a reason": "no detection"} {
		if err := read(goodRunbook, text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("unanswered: %q: %v", text, err)
		}
	}
}

// TestRunbooks: each rule is answered, or there is a reason why it isn't; nothing lasting is automatic but what is narrow.
func TestRunbooks(t *testing.T) {
	threats, err := threatmodel.Load()
	if err != nil {
		t.Fatal(err)
	}
	detections, err := threatmodel.Detections(threats)
	if err != nil {
		t.Fatal(err)
	}
	p, err := threatmodel.Runbooks(detections)
	if err != nil {
		t.Fatal(err)
	}
	if gaps := p.Gaps(detections); len(gaps) > 0 {
		t.Errorf("no runbook answers %v, and runbooks/unanswered.yaml doesn't say why", gaps)
	}
	used := map[string]bool{}
	for _, r := range p.Runbooks {
		for _, s := range r.Steps {
			used[s.Action] = true
			if cutsOff := []string{"isolate-service", "revoke-principal"}; r.Mode == threatmodel.Auto && slices.Contains(cutsOff, s.Action) {
				t.Errorf("%s: %s cuts somebody off altogether, so a person approves it unless the lab says otherwise", r.ID, s.Action)
			}
		}
	}
	for action := range threatmodel.Actions {
		if !used[action] {
			t.Errorf("no runbook does %s", action)
		}
	}
}
