package threatmodel_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"redoubt.example/threatmodel"
)

// TestDetections: each rule names threats that there are, and both kinds of recorded events, which are there; and each threat has a rule.
func TestDetections(t *testing.T) {
	threats, err := threatmodel.Load()
	if err != nil {
		t.Fatal(err)
	}
	all, err := threatmodel.Detections(threats)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 25 {
		t.Fatalf("%d rules", len(all))
	}
	for _, d := range all {
		for _, s := range d.Samples {
			raw, err := os.ReadFile(filepath.Join("..", s.Path))
			if err != nil {
				t.Error(err)
			}
			if bytes.Count(raw, []byte("\n")) == 0 {
				t.Errorf("%s: no event", s.Path)
			}
		}
	}
	for _, threat := range threats {
		if !slices.ContainsFunc(all, func(d threatmodel.Detection) bool { return slices.Contains(d.Threats, threat.ID) }) {
			t.Errorf("%s: no rule is tied to it", threat.ID)
		}
	}
	for _, folder := range folders(t) {
		if _, err := os.Stat(filepath.Join(folder, "rule.yml")); err != nil {
			t.Errorf("%s holds no rule", folder)
		}
	}
}

func folders(t *testing.T) (all []string) {
	t.Helper()
	entries, err := os.ReadDir("detections")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			all = append(all, filepath.Join("detections", e.Name()))
		}
	}
	return all
}

const (
	goodRule = `
title: A title
id: 0e95725d-7320-415d-80f7-004da920fc11
name: good
description: Somebody does something.
tags: [attack.t1110, threat.t-001]
level: high
`
	goodInfo = `
rule_metadata: [{id: 0e95725d-7320-415d-80f7-004da920fc11, title: A title}]
regression_tests_info:
  - {name: Match, type: ndjson, provider: edge.x, match_count: 1, path: threatmodel/detections/good/match.ndjson}
  - {name: Near miss, type: ndjson, provider: edge.x, match_count: 0, path: threatmodel/detections/good/near_miss.ndjson}
`
)

func TestDetectionsThatAreRefused(t *testing.T) {
	threats := []threatmodel.Threat{{ID: "T-001"}}
	read := func(rule, info string) error {
		_, err := threatmodel.ReadDetections(fstest.MapFS{"good/rule.yml": {Data: []byte(rule)}, "good/info.yml": {Data: []byte(info)}}, threats)
		return err
	}
	if err := read(goodRule, goodInfo); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, why string }{
		{"threat.t-001", "threat.t-999", "there is no threat T-999"},
		{", threat.t-001", "", "tied to no threat"},
		{"attack.t1110, ", "", "a technique"},
		{"name: good", "name: bad", "has the name"},
		{"level: high", "", "a level"},
		{"match_count: 1", "match_count: 0", "must match"},
		{"match_count: 0", "match_count: 2", "come near"},
		{"provider: edge.x", "provider: ''", "names no attack"},
		{"detections/good/match", "detections/other/match", "lies elsewhere"},
		{"title: A title}", "title: Another}", "about another rule"},
	} {
		err := read(strings.Replace(goodRule, c.from, c.to, 1), strings.Replace(goodInfo, c.from, c.to, 1))
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%q -> %q: %v", c.from, c.to, err)
		}
	}
}
