// Package threatmodel is what can go wrong with the platform, as data: each threat with its path, what it is after, what
// stops it at each layer, and what is left. Names of controls, attacks and parts of the platform are plain text here; a
// test in scripts, which can see all of them, holds the model to what exists.
package threatmodel

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

//go:embed threats/*.yaml
var files embed.FS

// Zone is where a threat enters.
type Zone string

// The zones, from the outside in.
const (
	Edge           Zone = "edge"           // between the outside and the gateway
	Mesh           Zone = "mesh"           // between services
	Infrastructure Zone = "infrastructure" // what they run on
)

// Zones are all of them, from the outside in.
var Zones = []Zone{Edge, Mesh, Infrastructure}

// Threat is one way in which somebody could get what isn't his.
type Threat struct {
	ID        string              `yaml:"id" json:"id"`
	Title     string              `yaml:"title" json:"title"`
	Zone      Zone                `yaml:"-" json:"zone"`
	Story     string              `yaml:"story" json:"story,omitempty"` // which of the six stories that the platform is built round
	Scenario  string              `yaml:"scenario" json:"scenario"`     // who does what, and what he has then
	STRIDE    []string            `yaml:"stride" json:"stride"`
	OWASPAPI  []string            `yaml:"owasp_api" json:"owasp_api"`           // OWASP API Security Top 10, 2023
	OWASPLLM  []string            `yaml:"owasp_llm" json:"owasp_llm,omitempty"` // OWASP Top 10 for LLM applications, 2025
	Technique []string            `yaml:"technique" json:"technique"`           // MITRE ATT&CK
	Assets    []string            `yaml:"assets" json:"assets"`                 // what it is after
	Path      []string            `yaml:"path" json:"path"`                     // hop by hop: see Hop
	Controls  map[string][]string `yaml:"controls" json:"controls"`             // by layer: what stops it
	Residual  string              `yaml:"residual" json:"residual"`             // what is left
	Owner     string              `yaml:"owner" json:"owner"`                   // whose design answers it
	Untested  string              `yaml:"untested" json:"untested,omitempty"`   // why no attack of the suite tests it
}

// Layers are the places where controls act, from the outside in.
var Layers = []string{"edge", "mesh", "app", "infra"}

// Stories are the six threats that the platform was built round.
var Stories = []string{
	"lateral movement from one internal API", "notification reaching for payments", "stolen token",
	"service impersonation", "data exfiltration", "access to the model weights",
}

// All are the controls of every layer, from the outside in.
func (t Threat) All() (all []string) {
	for _, layer := range Layers {
		all = append(all, t.Controls[layer]...)
	}
	return all
}

// Hop is one step of a threat's path: "gateway -> ingestion" is one that the platform allows, "notification -x payments"
// one that it doesn't, and that the attacker tries.
type Hop struct {
	From, To string
	Allowed  bool
}

var hop = regexp.MustCompile(`^([a-z][a-z -]*[a-z]) -([>x]) ([a-z][a-z -]*[a-z])$`)

// Hops are the path, taken apart.
func (t Threat) Hops() []Hop {
	var hops []Hop
	for _, text := range t.Path {
		if m := hop.FindStringSubmatch(text); m != nil {
			hops = append(hops, Hop{From: m[1], To: m[3], Allowed: m[2] == ">"})
		}
	}
	return hops
}

// Load returns all threats in the order of their IDs.
func Load() ([]Threat, error) {
	sub, err := fs.Sub(files, "threats")
	if err != nil {
		return nil, err
	}
	return Read(sub)
}

// Read is Load for any folder of files named after their zones.
func Read(folder fs.FS) ([]Threat, error) {
	var all []Threat
	var errs []error
	for _, zone := range Zones {
		name := string(zone) + ".yaml"
		raw, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, fmt.Errorf("read threats: %w", err)
		}
		var list []Threat
		if err := decode(raw, &list); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read threats: %s: %w", name, err)
		}
		for _, t := range list {
			t.Zone = zone
			if err := t.check(); err != nil {
				errs = append(errs, fmt.Errorf("%s: threat %s: %w", name, t.ID, err))
			}
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b Threat) int { return strings.Compare(a.ID, b.ID) })
	for i := range all {
		if i > 0 && all[i].ID == all[i-1].ID {
			errs = append(errs, fmt.Errorf("threat %s is there twice", all[i].ID))
		}
	}
	return all, errors.Join(errs...)
}
