// Package render writes topology.yaml as others need it: for Consul, OPA, compose, Kubernetes, and for people. The
// lab applies the topology itself; what is rendered here is for those who run the platform elsewhere, and for review:
// a changed line in the topology shows as changed lines in everything that follows from it.
package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"redoubt.example/infra/topology"
)

// Header says in every rendering where it comes from.
const header = "Rendered from infra/topology/topology.yaml by `lab topology render`. Change that, not this."

// File is one rendering.
type File struct {
	Name string // below the folder of the renderings
	Text []byte
}

// All renders everything.
func All(top *topology.Topology) ([]File, error) {
	data, err := policyData(top)
	if err != nil {
		return nil, fmt.Errorf("render policy data: %w", err)
	}
	policies, err := networkPolicies(top)
	if err != nil {
		return nil, fmt.Errorf("render network policies: %w", err)
	}
	return append(intentions(top), []File{
		{"policy-data.json", data},
		{"network-policies.yaml", policies},
		{"attack-surface.md", attackSurface(top)},
		{"who-gets-what.md", whoGetsWhat(top)},
		{"data-flow.svg", dataFlow(top)},
	}...), nil
}

// Write replaces the renderings in a folder, removes what is none, and returns the names of those that changed.
func Write(folder string, files []File) (changed []string, err error) {
	changed = Stale(folder, files)
	for _, name := range changed {
		path := filepath.Join(folder, name)
		i := slices.IndexFunc(files, func(f File) bool { return f.Name == name })
		if i < 0 {
			err = os.Remove(path)
		} else if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			err = os.WriteFile(path, files[i].Text, 0o644)
		}
		if err != nil {
			return nil, fmt.Errorf("write renderings: %w", err)
		}
	}
	return changed, nil
}

// Stale returns the names of the renderings that a folder lacks or has otherwise, and of files there that are none.
func Stale(folder string, files []File) (stale []string) {
	known := map[string]bool{}
	for _, f := range files {
		known[f.Name] = true
		have, err := os.ReadFile(filepath.Join(folder, f.Name))
		if err != nil || !bytes.Equal(have, f.Text) {
			stale = append(stale, f.Name)
		}
	}
	_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if name, _ := filepath.Rel(folder, path); err == nil && !entry.IsDir() && !known[name] {
			stale = append(stale, name)
		}
		return nil
	})
	return stale
}

// intentions are Consul's config entries, a file each, as `consul config write` takes them. The first denies what no other
// allows, for a Consul whose default_intention_policy doesn't.
func intentions(top *topology.Topology) []File {
	files := []File{intention("*", "deny", "*")}
	for _, name := range top.Names() {
		if callers := top.Callers(name); len(callers) > 0 {
			files = append(files, intention(name, "allow", callers...))
		}
	}
	return files
}

func intention(name, action string, callers ...string) File {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# %s\nKind = \"service-intentions\"\nName = %q\nSources = [\n", header, name)
	for _, caller := range callers {
		fmt.Fprintf(&out, "  { Name = %q, Action = %q },\n", caller, action)
	}
	out.WriteString("]\n")
	if name == "*" {
		name = "default-deny"
	}
	return File{"consul-intentions/" + name + ".hcl", out.Bytes()}
}

// policyData is what the rules read. services/platform/policy makes the same from the topology; a test there compares.
func policyData(top *topology.Topology) ([]byte, error) {
	type route struct {
		Callers   map[string]map[string]bool `json:"callers"`
		Scopes    map[string]bool            `json:"scopes"`
		Principal bool                       `json:"principal"`
	}
	services := map[string]map[string]route{}
	for name, s := range top.Services {
		services[name] = map[string]route{}
		for _, r := range s.Routes {
			services[name][r.Route] = route{Callers: top.Presenters(name, r), Scopes: set(r.Scopes), Principal: r.NeedsPrincipal()}
		}
	}
	text, err := json.MarshalIndent(services, "", "  ")
	return append(text, '\n'), err
}

func set(members []string) map[string]bool {
	m := make(map[string]bool, len(members))
	for _, name := range members {
		m[name] = true
	}
	return m
}
