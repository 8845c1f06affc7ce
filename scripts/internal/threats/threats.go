// Package threats joins what others keep apart: the threats, the register of controls, the attacks and topology.yaml. It
// finds what doesn't fit together, and renders what does.
package threats

import (
	"io/fs"
	"slices"

	"redoubt.example/infra/topology"
	"redoubt.example/loadtest/attacks"
	"redoubt.example/services/platform/controls"
	"redoubt.example/threatmodel"
)

// Model is all four together.
type Model struct {
	Threats    []threatmodel.Threat
	Attacks    []attacks.Attack
	Controls   []controls.Control
	Configured map[string]threatmodel.Configuration
	Topology   *topology.Topology
}

// Load reads the whole; the suite's folder is given, since it may be a checkout's.
func Load(suite fs.FS) (*Model, error) {
	m := &Model{Controls: controls.All()}
	var err error
	if m.Topology, err = topology.Load(); err != nil {
		return nil, err
	}
	if m.Threats, err = threatmodel.Load(); err != nil {
		return nil, err
	}
	if m.Configured, err = threatmodel.Configured(); err != nil {
		return nil, err
	}
	m.Attacks, err = attacks.Read(suite)
	return m, err
}

// Threat finds one by its ID.
func (m *Model) Threat(id string) (threatmodel.Threat, bool) {
	i := slices.IndexFunc(m.Threats, func(t threatmodel.Threat) bool { return t.ID == id })
	if i < 0 {
		return threatmodel.Threat{}, false
	}
	return m.Threats[i], true
}

// Control finds one by its ID.
func (m *Model) Control(id string) (controls.Control, bool) {
	i := slices.IndexFunc(m.Controls, func(c controls.Control) bool { return c.ID == id })
	if i < 0 {
		return controls.Control{}, false
	}
	return m.Controls[i], true
}

// AttacksOn are those that test a threat, by ID.
func (m *Model) AttacksOn(threat string) (ids []string) {
	for _, a := range m.Attacks {
		if a.Threat == threat {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// Stopping are the attacks that name a control: as what stops them, or as what would, too.
func (m *Model) Stopping(control string) (ids []string) {
	for _, a := range m.Attacks {
		if slices.Contains(a.Controls(), control) {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// StoppedBy are the threats that name a control.
func (m *Model) StoppedBy(control string) (ids []string) {
	for _, t := range m.Threats {
		if slices.Contains(t.All(), control) {
			ids = append(ids, t.ID)
		}
	}
	return ids
}
