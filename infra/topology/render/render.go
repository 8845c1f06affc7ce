// Package render writes topology.yaml as others need it: for Consul, OPA, compose, Kubernetes, and for people. The
// lab applies the topology itself; what is rendered here is for those who run the platform elsewhere, and for review:
// a changed line in the topology shows as changed lines in everything that follows from it.
package render

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	networks, err := composeNetworks(top)
	if err != nil {
		return nil, fmt.Errorf("render compose networks: %w", err)
	}
	return []File{
		{"consul-intentions.hcl", intentions(top)},
		{"policy-data.json", data},
		{"compose-networks.yaml", networks},
		{"network-policies.yaml", policies},
		{"attack-surface.md", attackSurface(top)},
		{"data-flow.svg", dataFlow(top)},
	}, nil
}

// Write replaces the renderings in a folder, and returns the names of those that changed.
func Write(folder string, files []File) (changed []string, err error) {
	changed = Stale(folder, files)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("write renderings: %w", err)
	}
	for _, f := range files {
		if !slices.Contains(changed, f.Name) {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, f.Name), f.Text, 0o644); err != nil {
			return nil, fmt.Errorf("write renderings: %w", err)
		}
	}
	return changed, nil
}

// Stale returns the names of the renderings that a folder lacks or has otherwise.
func Stale(folder string, files []File) (stale []string) {
	for _, f := range files {
		have, err := os.ReadFile(filepath.Join(folder, f.Name))
		if err != nil || !bytes.Equal(have, f.Text) {
			stale = append(stale, f.Name)
		}
	}
	return stale
}

// intentions are Consul's config entries, as `consul config write` takes them one by one.
func intentions(top *topology.Topology) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# %s\n# Each block is one config entry; everything that isn't here is denied (default_intention_policy = \"deny\").\n", header)
	for _, name := range top.Names() {
		callers := top.Callers(name)
		if len(callers) == 0 {
			continue
		}
		fmt.Fprintf(&out, "\nKind = \"service-intentions\"\nName = %q\nSources = [\n", name)
		for _, caller := range callers {
			fmt.Fprintf(&out, "  { Name = %q, Action = \"allow\" },\n", caller)
		}
		out.WriteString("]\n")
	}
	return out.Bytes()
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
