package threats

import (
	"fmt"
	"slices"
	"strings"

	"redoubt.example/infra/topology"
	"redoubt.example/threatmodel"
)

// Problems are all that doesn't fit together: a threat without control or attack, a control without threat or attack,
// names of what doesn't exist. Each is one sentence.
func (m *Model) Problems() (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for _, t := range m.Threats {
		m.checkThreat(t, bad)
	}
	for _, c := range m.Controls {
		if len(m.StoppedBy(c.ID)) == 0 {
			bad("control %s stops no threat", c.ID)
		}
		if len(m.Stopping(c.ID)) == 0 {
			bad("control %s is tested by no attack", c.ID)
		}
		if m.Configured[c.ID].File == "" {
			bad("control %s: threatmodel/controls.yaml doesn't say where it is configured", c.ID)
		}
	}
	for id := range m.Configured {
		if _, ok := m.Control(id); !ok {
			bad("threatmodel/controls.yaml: no control has the ID %s", id)
		}
	}
	for _, a := range m.Attacks {
		t, ok := m.Threat(a.Threat)
		if !ok {
			bad("attack %s tests %s, which is no threat", a.ID, a.Threat)
		}
		if ok && !slices.Contains(t.Technique, a.Technique) {
			bad("attack %s uses %s, which threat %s doesn't list", a.ID, a.Technique, t.ID)
		}
		for _, id := range a.Controls() {
			if _, known := m.Control(id); !known {
				bad("attack %s names %s, which is no control", a.ID, id)
			}
		}
		if ok && a.BlockedBy != "" && !slices.Contains(t.All(), a.BlockedBy) {
			bad("attack %s is stopped by %s, which threat %s doesn't list", a.ID, a.BlockedBy, t.ID)
		}
		for _, name := range []string{a.Vantage.Service(), a.Target} {
			if name != "" && m.Topology.Services[name] == nil {
				bad("attack %s names %s, which is no service", a.ID, name)
			}
		}
	}
	slices.Sort(problems)
	return problems
}

func (m *Model) checkThreat(t threatmodel.Threat, bad func(string, ...any)) {
	tested := m.AttacksOn(t.ID)
	switch {
	case len(tested) == 0 && t.Untested == "":
		bad("threat %s is tested by no attack, and doesn't say why", t.ID)
	case len(tested) > 0 && t.Untested != "":
		bad("threat %s says why no attack tests it, but %s does", t.ID, tested[0])
	}
	for _, id := range t.All() {
		if _, ok := m.Control(id); !ok {
			bad("threat %s names %s, which is no control", t.ID, id)
		}
	}
	for _, asset := range t.Assets {
		if !m.isAsset(asset) {
			bad("threat %s is after %q, which topology.yaml doesn't have", t.ID, asset)
		}
	}
	if m.Topology.Services[t.Owner] == nil && !slices.Contains([]string{"mesh", "platform", "infra"}, t.Owner) {
		bad("threat %s has the owner %q, which is neither a service nor mesh, platform or infra", t.ID, t.Owner)
	}
	for _, h := range t.Hops() {
		if reason := m.wrongHop(h); reason != "" {
			bad("threat %s: %s", t.ID, reason)
		}
	}
}

// isAsset: what topology.yaml says that there is to lose, or what the model itself explains.
func (m *Model) isAsset(name string) bool {
	if _, ok := threatmodel.Assets[name]; ok {
		return true
	}
	kind, what, _ := strings.Cut(name, ":")
	if kind == "identity" && m.Topology.Jobs[what] != nil {
		return true
	}
	for service, s := range m.Topology.Services {
		switch {
		case kind == "database" && service == what && s.Database,
			kind == "bucket" && slices.Contains(s.Buckets, what),
			kind == "secret" && slices.Contains(s.Secrets, what),
			kind == "identity" && service == what:
			return true
		}
	}
	for _, j := range m.Topology.Jobs {
		if kind == "secret" && slices.Contains(j.Secrets, what) {
			return true
		}
	}
	return false
}

// wrongHop says why topology.yaml has it otherwise, or "".
func (m *Model) wrongHop(h threatmodel.Hop) string {
	for _, end := range []string{h.From, h.To} {
		if _, ok := threatmodel.Places[end]; !ok && m.Topology.Services[end] == nil {
			return fmt.Sprintf("there is no %q to pass", end)
		}
	}
	allowed := m.allows(h)
	switch {
	case h.Allowed && !allowed:
		return fmt.Sprintf("topology.yaml doesn't allow %s -> %s: write -x", h.From, h.To)
	case !h.Allowed && allowed:
		return fmt.Sprintf("topology.yaml allows %s -> %s: write ->", h.From, h.To)
	}
	return ""
}

func (m *Model) allows(h threatmodel.Hop) bool {
	from, to := m.Topology.Services[h.From], m.Topology.Services[h.To]
	switch {
	case from != nil && to != nil:
		return slices.Contains(m.Topology.Upstreams(h.From), h.To)
	case h.From == "outside":
		return h.To == topology.Gateway
	case from == nil:
		return false
	case h.To == "postgres":
		return from.Database
	case h.To == "vault", h.To == "consul":
		return true
	}
	return from.Internet || h.To == "upstream model" && h.From == "inference"
}
