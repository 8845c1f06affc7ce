package threats

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"redoubt.example/infra/topology"
	"redoubt.example/threatmodel"
)

const header = "Rendered by `lab threat render` from threatmodel/, loadtest/attacks/, the register of controls and topology.yaml. Change those, not this."

// Render returns the generated files of folder threatmodel, by name.
func (m *Model) Render() (map[string][]byte, error) {
	return map[string][]byte{"README.md": m.readme(), "trust-boundaries.svg": m.boundariesSVG(), "threat-flow.svg": m.flowSVG()}, nil
}

func (m *Model) readme() []byte {
	var out bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	p("<!-- %s -->", header)
	p("%s", strings.TrimSpace(threatmodel.Preface()))
	p("\n## In pictures\n\nThe zones, and how many threats cross each boundary:\n\n![trust boundaries](trust-boundaries.svg)")
	p("\nEach step that a threat takes: rows are where from, columns where to. Blue steps are allowed by topology.yaml, red ones aren't:\n\n![steps of threats](threat-flow.svg)")
	p("\nWho calls whom, and what each keeps:\n\n![data flow](../infra/topology/rendered/data-flow.svg)")
	m.surface(p)
	m.table(p)
	m.coverage(p)
	p("\n## Each threat")
	for _, t := range m.Threats {
		m.detail(p, t)
	}
	return out.Bytes()
}

// surface lists where the platform can be reached, and what waits there.
func (m *Model) surface(p func(string, ...any)) {
	p("\n## Attack surface\n\nWhere the platform can be reached, and the threats that may enter there.\n\n| where | who gets in | threats |\n|---|---|---|")
	for _, e := range m.Topology.Edge {
		who := "an access token with " + quoted(e.Scopes)
		if e.Public {
			who = "anybody; the source's signature decides"
		}
		p("| `%s` | %s | %s |", e.Route, who, strings.Join(m.through(e), ", "))
	}
	for _, name := range m.Topology.Names() {
		p("| %s's port in the mesh | %s | %s |", name, strings.Join(m.Topology.Callers(name), ", "), strings.Join(m.reaching(name), ", "))
	}
	for _, place := range []string{"vault", "consul", "postgres"} {
		p("| %s: %s | workloads with their own identity | %s |", place, threatmodel.Places[place], strings.Join(m.reaching(place), ", "))
	}
	p("\nRoute by route, with what each service's own rights reach: [attack surface](../infra/topology/rendered/attack-surface.md).")
}

// through are the threats of the edge that an edge route's services can be reached by.
func (m *Model) through(e topology.EdgeRoute) (ids []string) {
	reached := []string{topology.Gateway, "outside", e.Upstream}
	for _, h := range m.Topology.Path(e.Route) {
		reached = append(reached, h.Service)
	}
	for _, t := range m.Threats {
		if t.Zone == threatmodel.Edge && !slices.ContainsFunc(t.Hops(), func(h threatmodel.Hop) bool { return h.Allowed && !slices.Contains(reached, h.To) }) {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

// reaching are the threats that take a step to a service or place from inside.
func (m *Model) reaching(name string) (ids []string) {
	for _, t := range m.Threats {
		if slices.ContainsFunc(t.Hops(), func(h threatmodel.Hop) bool { return h.To == name && h.From != "outside" }) {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

func (m *Model) table(p func(string, ...any)) {
	for _, zone := range threatmodel.Zones {
		p("\n## Zone: %s\n\n| threat | | STRIDE | OWASP | edge | mesh | app | infra | attacks |\n|---|---|---|---|---|---|---|---|---|", zone)
		for _, t := range m.Threats {
			if t.Zone != zone {
				continue
			}
			cells := make([]string, len(threatmodel.Layers))
			for i, layer := range threatmodel.Layers {
				cells[i] = strings.Join(t.Controls[layer], "<br>")
			}
			title := t.Title
			if t.Story != "" {
				title = "**" + title + "**"
			}
			p("| %s | %s | %s | %s | %s | %d |", link(t), title, strings.Join(t.STRIDE, "<br>"), strings.Join(slices.Concat(t.OWASPAPI, t.OWASPLLM), "<br>"),
				strings.Join(cells, " | "), len(m.AttacksOn(t.ID)))
		}
	}
	p("\nBold: the six stories that the platform is built round.")
}

func (m *Model) coverage(p func(string, ...any)) {
	p("\n## Controls\n\n| control | enforced by | stops | configured in | threats | attacks |\n|---|---|---|---|---|---|")
	for _, c := range m.Controls {
		where := m.Configured[c.ID]
		p("| `%s` | %s | %s | [%s](../%s) | %s | %d |", c.ID, c.Owner, c.Stops, where.File, where.File, strings.Join(m.StoppedBy(c.ID), ", "), len(m.Stopping(c.ID)))
	}
}

func (m *Model) detail(p func(string, ...any), t threatmodel.Threat) {
	p("\n### %s %s\n\n%s\n", t.ID, t.Title, t.Scenario)
	var weaknesses, techniques []string
	for _, id := range t.OWASPAPI {
		weaknesses = append(weaknesses, id+" "+threatmodel.OWASPAPI[id])
	}
	for _, id := range t.OWASPLLM {
		weaknesses = append(weaknesses, id+" "+threatmodel.OWASPLLM[id])
	}
	for _, id := range t.Technique {
		techniques = append(techniques, fmt.Sprintf("[%s](https://attack.mitre.org/techniques/%s/)", id, strings.ReplaceAll(id, ".", "/")))
	}
	p("- zone %s, owner %s; %s; %s; ATT&CK %s", t.Zone, t.Owner, strings.Join(t.STRIDE, ", "), strings.Join(weaknesses, ", "), strings.Join(techniques, ", "))
	p("- after: %s", strings.Join(t.Assets, ", "))
	p("- path: `%s`", strings.Join(t.Path, "`, `"))
	for _, layer := range threatmodel.Layers {
		if ids := t.Controls[layer]; len(ids) > 0 {
			p("- %s: %s", layer, quoted(ids))
		}
	}
	var tested []string
	for _, id := range m.AttacksOn(t.ID) {
		tested = append(tested, fmt.Sprintf("[%s](../loadtest/attacks/%s/attack.js)", id, id))
	}
	if len(tested) == 0 {
		tested = []string{"none: " + t.Untested}
	}
	p("- attacks: %s", strings.Join(tested, ", "))
	p("- what is left: %s", t.Residual)
}

// link leads to the threat's own part, by the name that its heading gets.
func link(t threatmodel.Threat) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r >= '0' && r <= '9', r >= 'a' && r <= 'z':
			return r
		}
		return -1
	}, strings.ToLower(t.ID+" "+t.Title))
	return fmt.Sprintf("[%s](#%s)", t.ID, name)
}

func quoted(ids []string) string { return "`" + strings.Join(ids, "`, `") + "`" }
