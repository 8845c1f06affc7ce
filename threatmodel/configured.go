package threatmodel

import (
	_ "embed"
	"fmt"

	"go.yaml.in/yaml/v3"
)

//go:embed controls.yaml
var configured []byte

//go:embed preface.md
var preface string

// Preface is the part of the model that people write: boundaries, decisions, known limits.
func Preface() string { return preface }

// Configuration is where a control is configured: a file of the repository, and what to look for in it.
type Configuration struct {
	File string `yaml:"file" json:"file"`
	What string `yaml:"what" json:"what"`
	Rule *Rule  `yaml:"rule" json:"rule,omitempty"` // of who may do what, where the control decides that
}

// Rule says where the running platform keeps a rule, and what restarts to change it: "" if nothing does.
type Rule struct {
	Lives    string `yaml:"lives" json:"lives"`
	Restarts string `yaml:"restarts" json:"restarts,omitempty"`
}

// Configured returns it for each control, by ID.
func Configured() (map[string]Configuration, error) {
	all := map[string]Configuration{}
	if err := yaml.Unmarshal(configured, &all); err != nil {
		return nil, fmt.Errorf("read controls.yaml: %w", err)
	}
	return all, nil
}
