package threatmodel

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

//go:embed detections/*/rule.yml detections/*/info.yml
var detections embed.FS

// Detection is what the threat model knows of a Sigma rule below detections/: the first document of its rule.yml, and which
// recorded events it is tested with. How it is evaluated is for services/sentinel.
type Detection struct {
	ID          string   `yaml:"id" json:"id"`
	Name        string   `yaml:"name" json:"name"` // its folder's, too
	Title       string   `yaml:"title" json:"title"`
	Description string   `yaml:"description" json:"description"`
	Level       string   `yaml:"level" json:"level"`
	Tags        []string `yaml:"tags" json:"-"`
	Threats     []string `yaml:"-" json:"threats"`   // of its tags: threat.t-021
	Technique   []string `yaml:"-" json:"technique"` // of its tags: attack.t1210
	Samples     []Sample `yaml:"-" json:"samples"`
	// Timespan is that of a correlation, for which the rule is silent about a group that it was raised for; 0 for a single event.
	Timespan time.Duration `yaml:"-" json:"-"`
}

// RecordedOf tells whether the rule's events were recorded of an attack.
func (d Detection) RecordedOf(attack string) bool {
	for _, s := range d.Samples {
		for pattern := range strings.FieldsSeq(s.Provider) {
			if ok, err := path.Match(pattern, attack); err == nil && ok {
				return true
			}
		}
	}
	return false
}

// Sample is a file of recorded events, in the format of SigmaHQ's regression_data.
type Sample struct {
	Name       string `yaml:"name" json:"name"`
	Type       string `yaml:"type" json:"type"`
	Provider   string `yaml:"provider" json:"provider"` // which attack of loadtest/attacks it was recorded of
	MatchCount int    `yaml:"match_count" json:"match_count"`
	Path       string `yaml:"path" json:"path"` // from the repository's root
}

// Detections returns all rules in the order of their names. One that names no threat, or one that isn't there, or that isn't
// tested with both kinds of events, is an error.
func Detections(threats []Threat) ([]Detection, error) {
	sub, err := fs.Sub(detections, "detections")
	if err != nil {
		return nil, err
	}
	return ReadDetections(sub, threats)
}

// Rules returns the rules' files as Sigma has them: <name>/rule.yml. They are handed to sentinel, who can't import this.
func Rules() fs.FS {
	sub, err := fs.Sub(detections, "detections")
	if err != nil {
		panic(err) // the name is a constant
	}
	return sub
}

// ReadDetections is Detections for any folder.
func ReadDetections(folder fs.FS, threats []Threat) (all []Detection, err error) {
	names, err := fs.Glob(folder, "*/rule.yml")
	if err != nil {
		return nil, err
	}
	var errs []error
	ids := map[string]bool{}
	for _, name := range names {
		d, err := readDetection(folder, path.Dir(name))
		if err == nil {
			err = d.check(path.Dir(name), threats)
		}
		if ids[d.ID] {
			err = errors.Join(err, fmt.Errorf("its ID is another's, too"))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("detections/%s: %w", path.Dir(name), err))
		}
		ids[d.ID] = true
		all = append(all, d)
	}
	return all, errors.Join(errs...)
}

func readDetection(folder fs.FS, name string) (d Detection, err error) {
	rule, err := fs.ReadFile(folder, name+"/rule.yml")
	if err != nil {
		return d, err
	}
	first := struct {
		*Detection  `yaml:",inline"`
		Correlation struct {
			Timespan string `yaml:"timespan"`
		} `yaml:"correlation"`
	}{Detection: &d}
	if err := yaml.NewDecoder(bytes.NewReader(rule)).Decode(&first); err != nil { // the first document
		return d, fmt.Errorf("rule.yml: %w", err)
	}
	if span := first.Correlation.Timespan; span != "" {
		if d.Timespan, err = time.ParseDuration(span); err != nil { // days aren't used here
			return d, fmt.Errorf("rule.yml: %w", err)
		}
	}
	raw, err := fs.ReadFile(folder, name+"/info.yml")
	if err != nil {
		return d, err
	}
	var info struct {
		Metadata []struct{ ID, Title string } `yaml:"rule_metadata"`
		Tests    []Sample                     `yaml:"regression_tests_info"`
	}
	if err := yaml.Unmarshal(raw, &info); err != nil {
		return d, fmt.Errorf("info.yml: %w", err)
	}
	if len(info.Metadata) != 1 || info.Metadata[0].ID != d.ID || info.Metadata[0].Title != d.Title {
		return d, errors.New("info.yml is about another rule")
	}
	d.Samples = info.Tests
	for _, tag := range d.Tags {
		if threat, ok := strings.CutPrefix(tag, "threat."); ok {
			d.Threats = append(d.Threats, strings.ToUpper(threat))
		}
		if technique, ok := strings.CutPrefix(tag, "attack."); ok {
			d.Technique = append(d.Technique, strings.ToUpper(technique))
		}
	}
	return d, nil
}

func (d Detection) check(folder string, threats []Threat) error {
	var errs []error
	if d.Name != folder {
		errs = append(errs, fmt.Errorf("its first document, the rule that raises the alert, has the name %q", d.Name))
	}
	if d.Level == "" || d.Description == "" || len(d.Technique) == 0 {
		errs = append(errs, errors.New("it needs a level, a description and a technique"))
	}
	if len(d.Threats) == 0 {
		errs = append(errs, errors.New("it is tied to no threat"))
	}
	for _, id := range d.Threats {
		if !slices.ContainsFunc(threats, func(t Threat) bool { return t.ID == id }) {
			errs = append(errs, fmt.Errorf("there is no threat %s", id))
		}
	}
	for kind, is := range map[string]func(n int) bool{"must match": func(n int) bool { return n > 0 }, "come near": func(n int) bool { return n == 0 }} {
		if !slices.ContainsFunc(d.Samples, func(s Sample) bool { return is(s.MatchCount) }) {
			errs = append(errs, fmt.Errorf("it isn't tested with events that %s", kind))
		}
	}
	for _, s := range d.Samples {
		if s.Provider == "" || path.Dir(s.Path) != "threatmodel/detections/"+folder {
			errs = append(errs, fmt.Errorf("sample %q: it names no attack, or lies elsewhere", s.Name))
		}
	}
	return errors.Join(errs...)
}
