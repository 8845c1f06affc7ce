package posture

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pmezard/go-difflib/difflib"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/services/platform/alert"
)

// Seen is what was used: between services, and of Vault.
type Seen struct {
	Now   time.Time
	Flows []alert.Flow
	Reads []control.SecurityEvent
}

// Enough is how much has to be seen before what wasn't seen says anything.
type Enough struct {
	Time     time.Duration
	Requests int64
}

// Proposal is what to take away.
type Proposal struct {
	Missing []string `json:"missing"` // why nothing is proposed
	Seen    string   `json:"seen"`
	Lines   []Line   `json:"lines"`
	Patch   string   `json:"patch"` // unified, for `git apply` at the repository's root
}

// Line is one change, and what it rests on.
type Line struct {
	File   string `json:"file"`
	Change string `json:"change"`
	Basis  string `json:"basis"`
}

const (
	topologyFile = "infra/topology/topology.yaml"
	policies     = "infra/controlplane/vault/policies/"
)

// Recommend proposes the least that what was seen needs, as changes to the files of a checkout. Its topology is one that
// topology.Parse takes, and that allows every flow that was seen.
func Recommend(repo string, seen Seen, enough Enough) (Proposal, error) {
	p := Proposal{Missing: []string{}, Lines: []Line{}}
	text, err := os.ReadFile(filepath.Join(repo, topologyFile))
	if err != nil {
		return p, err
	}
	top, err := topology.Parse(text)
	if err != nil {
		return p, err
	}
	span, requests := seen.extent()
	if p.Missing = append(p.Missing, tooLittle(top, seen, span, requests, enough)...); len(p.Missing) > 0 {
		return p, nil
	}
	p.Seen = fmt.Sprintf("%d requests between services in %s", requests, span.Round(time.Second))
	e := newEditor(string(text))
	p.Lines = append(p.Lines, e.trim(top, seen, p.Seen)...)
	if err := keeps(e.String(), top, seen.Flows); err != nil {
		return p, fmt.Errorf("recommend: %w", err)
	}
	if p.Patch, err = diff(topologyFile, string(text), e.String()); err != nil {
		return p, err
	}
	return p, p.trimPolicies(repo, top, seen)
}

// extent is for how long, and how much.
func (s Seen) extent() (span time.Duration, requests int64) {
	var first, last time.Time
	for _, f := range s.Flows {
		if f.Caller == outside {
			continue
		}
		requests += f.Count
		if first.IsZero() || f.First.Before(first) {
			first = f.First
		}
		if f.Last.After(last) {
			last = f.Last
		}
	}
	return last.Sub(first), requests
}

func tooLittle(top *topology.Topology, s Seen, span time.Duration, requests int64, enough Enough) (missing []string) {
	if span < enough.Time {
		missing = append(missing, fmt.Sprintf("requests were seen for %s: %s are needed (--observed)", span.Round(time.Second), enough.Time))
	}
	if requests < enough.Requests {
		missing = append(missing, fmt.Sprintf("%d requests between services were seen: %d are needed (--requests)", requests, enough.Requests))
	}
	for _, name := range top.Names() {
		if name != collector && !slices.ContainsFunc(s.Flows, func(f alert.Flow) bool { return f.Callee == name }) {
			missing = append(missing, fmt.Sprintf("no request to %s was seen: it may only have been idle", name))
		}
	}
	if !slices.ContainsFunc(s.Reads, func(e control.SecurityEvent) bool { return e.Allowed && top.Services[e.Who] != nil }) {
		missing = append(missing, "no service asked Vault for anything, as far as its audit log is there")
	}
	return missing
}

// collector is who reports what was seen, and not what it is told itself.
const collector = "sentinel"

// used tells whether somebody called a route, whatever became of it.
func (s Seen) used(caller, callee, route string) bool {
	return callee == collector || slices.ContainsFunc(s.Flows, func(f alert.Flow) bool {
		return f.Caller == caller && f.Callee == callee && f.Route == route && f.Count > 0
	})
}

// read tells whether a workload was given something by Vault at a path.
func (s Seen) read(who, path string) bool {
	return slices.ContainsFunc(s.Reads, func(e control.SecurityEvent) bool { return e.Allowed && e.Who == who && e.Path == path })
}

// keeps checks what is proposed: it has to be a topology, and to allow what was seen and was allowed before.
func keeps(text string, before *topology.Topology, flows []alert.Flow) error {
	after, err := topology.Parse([]byte(text))
	if err != nil {
		return fmt.Errorf("the flows that were seen don't fit together: %w", err)
	}
	for _, f := range flows {
		if was, ok := before.Route(f.Callee, f.Route); !ok || !slices.Contains(was.Callers, f.Caller) || f.Count == 0 {
			continue
		}
		if is, ok := after.Route(f.Callee, f.Route); !ok || !slices.Contains(is.Callers, f.Caller) {
			return fmt.Errorf("%s -> %s %s was seen, and would no longer be allowed", f.Caller, f.Callee, f.Route)
		}
	}
	return nil
}

// trimPolicies takes the lines out of Vault's policies that give a workload what topology.yaml names and it never read.
func (p *Proposal) trimPolicies(repo string, top *topology.Topology, seen Seen) error {
	all := secretsOf(top)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		secrets := all[name]
		file := policies + name + ".hcl"
		raw, err := os.ReadFile(filepath.Join(repo, file))
		if err != nil {
			return err
		}
		var kept []string
		for _, line := range strings.SplitAfter(string(raw), "\n") {
			path, quoted := policyPath(line)
			if !quoted || !slices.Contains(secrets, path) || seen.read(name, path) {
				kept = append(kept, line)
				continue
			}
			p.Lines = append(p.Lines, Line{file, "without " + path, fmt.Sprintf("%s never asked for it, by Vault's audit log", name)})
		}
		change, err := diff(file, string(raw), strings.Join(kept, ""))
		if err != nil {
			return err
		}
		p.Patch += change
	}
	return nil
}

// policyPath is the path that a line of a policy is about.
func policyPath(line string) (path string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), `path "`)
	if !ok {
		return "", false
	}
	path, _, ok = strings.Cut(rest, `"`)
	return path, ok
}

func secretsOf(top *topology.Topology) map[string][]string {
	all := map[string][]string{}
	for name, s := range top.Services {
		all[name] = s.Secrets
	}
	for name, j := range top.Jobs {
		all[name] = j.Secrets
	}
	return all
}

func diff(file, before, after string) (string, error) {
	lines := func(text string) []string {
		return slices.DeleteFunc(strings.SplitAfter(text, "\n"), func(l string) bool { return l == "" })
	}
	return difflib.GetUnifiedDiffString(difflib.UnifiedDiff{A: lines(before), B: lines(after),
		FromFile: "a/" + file, ToFile: "b/" + file, Context: 3})
}
