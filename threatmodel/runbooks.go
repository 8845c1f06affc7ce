package threatmodel

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

//go:embed runbooks/*.yaml
var runbooks embed.FS

// Mode is how far a runbook goes by itself.
type Mode string

// The modes, from the least to the most.
const (
	Off     Mode = "off"
	Propose Mode = "propose" // a person has to approve
	Auto    Mode = "auto"
)

// Modes are all of them, from the least to the most.
var Modes = []Mode{Off, Propose, Auto}

// Runbook is what is done about alerts of some rules.
type Runbook struct {
	ID       string  `yaml:"id" json:"id"`
	Title    string  `yaml:"title" json:"title"`
	Why      string  `yaml:"why" json:"why"`
	Trigger  Trigger `yaml:"trigger" json:"trigger"`
	Steps    []Step  `yaml:"steps" json:"steps"`
	Guard    Guard   `yaml:"guard" json:"guard"`
	Rollback string  `yaml:"rollback" json:"rollback"`
	Mode     Mode    `yaml:"mode" json:"mode"` // unless somebody says otherwise
}

// Trigger is which alerts a runbook is for. All that is given has to hold.
type Trigger struct {
	Rules   []string `yaml:"rules" json:"rules"`               // of detections
	Level   string   `yaml:"level" json:"level,omitempty"`     // at least
	Threats []string `yaml:"threats" json:"threats,omitempty"` // one of them
}

// Step is one action, and the field of the alert's subject that names whom it is done to.
type Step struct {
	Action string `yaml:"action" json:"action"`
	Target string `yaml:"target" json:"target"`
}

// Guard is what has to hold for an action.
type Guard struct {
	Never    []string      `yaml:"never" json:"never,omitempty"`     // targets that nothing is done to, approved or not
	Accusers []string      `yaml:"accusers" json:"accusers"`         // services on whose word alone it acts; on another's it proposes
	Evidence int           `yaml:"evidence" json:"evidence"`         // events that the alert is about, at least
	AtOnce   int           `yaml:"at_once" json:"at_once"`           // actions in force
	Rate     Rate          `yaml:"rate" json:"rate"`                 // of what is done without a person
	Each     Rate          `yaml:"each" json:"each"`                 // the same, of one target
	Expires  time.Duration `yaml:"expires" json:"expires,omitempty"` // 0: it needs no undoing
}

// Rate is how many within a time.
type Rate struct {
	Most   int           `yaml:"most" json:"most"`
	Within time.Duration `yaml:"within" json:"within"`
}

// Action is what the table says of one.
type Action struct {
	Target string // the field of an alert's subject, or the one thing, that it is done to
	Lasts  bool   // it is in force until it is undone
	Within bool   // it is done to a service
}

// Actions are all that a step can do. Each has one kind of target, and that is proved: what a certificate, a verified token or a
// connection says. There is none for what somebody claims.
var Actions = map[string]Action{
	"isolate-service":    {Target: "caller", Lasts: true, Within: true},
	"revoke-leases":      {Target: "caller", Within: true},
	"revoke-token":       {Target: "token", Lasts: true},
	"revoke-principal":   {Target: "principal", Lasts: true},
	"throttle-principal": {Target: "principal", Lasts: true},
	"revoke-api-key":     {Target: "api_key", Lasts: true},
	"block-address":      {Target: "address", Lasts: true},
	"rotate-key":         {Target: "token-key"},
}

// ActionNames are those of Actions, sorted.
func ActionNames() []string { return slices.Sorted(maps.Keys(Actions)) }

// Spared are the services that nothing is ever done to: without the one nobody is served, without the other nobody sees why.
var Spared = []string{"gateway", "sentinel"}

// Levels are Sigma's, from the least to the most.
var Levels = []string{"informational", "low", "medium", "high", "critical"}

// Playbook is all runbooks, and the rules that none answers, with the reason.
type Playbook struct {
	Runbooks   []Runbook
	Unanswered map[string]string
}

// Runbooks returns all of them, in the order of their IDs, for these detections. One that does what it mustn't is an error.
func Runbooks(detections []Detection) (Playbook, error) {
	sub, err := fs.Sub(runbooks, "runbooks")
	if err != nil {
		return Playbook{}, err
	}
	return ReadRunbooks(sub, detections)
}

const unanswered = "unanswered.yaml"

// ReadRunbooks is Runbooks for any folder.
func ReadRunbooks(folder fs.FS, detections []Detection) (p Playbook, err error) {
	names, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return p, err
	}
	var errs []error
	for _, name := range names {
		raw, err := fs.ReadFile(folder, name)
		if err != nil {
			return p, err
		}
		if name == unanswered {
			err = decode(raw, &p.Unanswered)
		} else {
			var r Runbook
			if err = decode(raw, &r); err == nil {
				err = r.check(strings.TrimSuffix(path.Base(name), ".yaml"), detections)
			}
			p.Runbooks = append(p.Runbooks, r)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("runbooks/%s: %w", name, err))
		}
	}
	return p, errors.Join(append(errs, p.checkUnanswered(detections))...)
}

// Answers are the runbooks that an alert of a detection triggers.
func (p Playbook) Answers(d Detection) (all []Runbook) {
	for _, r := range p.Runbooks {
		if r.Trigger.Matches(d) {
			all = append(all, r)
		}
	}
	return all
}

// Matches tells whether a detection's alerts trigger the runbook. What counts is what the threat model says of the rule.
func (t Trigger) Matches(d Detection) bool {
	return slices.Contains(t.Rules, d.Name) &&
		(t.Level == "" || slices.Index(Levels, d.Level) >= slices.Index(Levels, t.Level)) &&
		(len(t.Threats) == 0 || slices.ContainsFunc(t.Threats, func(id string) bool { return slices.Contains(d.Threats, id) }))
}
