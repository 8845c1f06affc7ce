package threatmodel

import (
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed interviews/*.yaml
var interviews embed.FS

// The kinds of interviews: something happens on the lab, or something is to be designed with it at hand.
const (
	KindIncident = "incident"
	KindDesign   = "design"
)

// InterviewKinds are both.
var InterviewKinds = []string{KindIncident, KindDesign}

// Interview is a conversation on the running platform. Its texts may name details as ${user}; each of Variants gives all of them.
type Interview struct {
	ID       string              `yaml:"-" json:"id"` // its file: staff-two-roots
	Title    string              `yaml:"title" json:"title"`
	Level    string              `yaml:"level" json:"level"` // one of ExerciseLevels
	Kind     string              `yaml:"kind" json:"kind"`
	Told     string              `yaml:"told" json:"told"`                   // to the candidate
	Variants []map[string]string `yaml:"variants" json:"-"`                  // which details vary; none: nothing does
	Exercise string              `yaml:"exercise" json:"exercise,omitempty"` // whose breaks are in place, and whose checks grade
	Attacks  []string            `yaml:"attacks" json:"attacks,omitempty"`   // that run meanwhile, as the incident
	Threats  []string            `yaml:"threats" json:"threats"`
	Rubric   []Criterion         `yaml:"rubric" json:"rubric"`
	Trace    []Traced            `yaml:"trace" json:"trace"` // through every layer, from the outside in
	FollowUp []string            `yaml:"follow_ups" json:"follow_ups"`
	Wrong    []WrongTurn         `yaml:"wrong_turns" json:"wrong_turns"`
}

// Criterion is one point that an answer is judged by.
type Criterion struct {
	Point    string `yaml:"point" json:"point"`
	Worth    int    `yaml:"worth" json:"worth"` // a strong answer gets all, an adequate one half
	Strong   string `yaml:"strong" json:"strong"`
	Adequate string `yaml:"adequate" json:"adequate"`
	Weak     string `yaml:"weak" json:"weak"`
}

// Traced is what a strong answer says of one layer.
type Traced struct {
	Layer   string `yaml:"layer" json:"layer"`
	Control string `yaml:"control" json:"control"`
	Says    string `yaml:"says" json:"says"`
	See     string `yaml:"see" json:"see,omitempty"` // the verb that shows it: "lab events --control mesh.intention"
}

// WrongTurn is what candidates often say, and what to ask then.
type WrongTurn struct {
	Says string `yaml:"says" json:"says"`
	Ask  string `yaml:"ask" json:"ask"`
}

// mostWorth is the weight that one criterion may have.
const mostWorth = 5

var (
	interviewID = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	placeholder = regexp.MustCompile(`\$\{([a-z]+)\}`)
)

// Interviews returns all interviews in the order of their IDs.
func Interviews() ([]Interview, error) {
	sub, err := fs.Sub(interviews, "interviews")
	if err != nil {
		return nil, err
	}
	return ReadInterviews(sub)
}

// ReadInterviews is Interviews for any folder.
func ReadInterviews(folder fs.FS) (all []Interview, err error) {
	names, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, name := range names {
		i := Interview{ID: strings.TrimSuffix(path.Base(name), ".yaml")}
		raw, err := fs.ReadFile(folder, name)
		if err == nil {
			err = decode(raw, &i)
		}
		if err == nil {
			err = i.check(raw)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("interviews/%s: %w", i.ID, err))
		}
		all = append(all, i)
	}
	return all, errors.Join(errs...)
}

// ChooseInterview returns the interview of a level, and of a kind unless that is "", that belongs to a seed, with one variant's details
// in its texts. The same arguments give the same one as long as the interviews are the same.
func ChooseInterview(all []Interview, level, kind string, seed uint64) (Interview, error) {
	var fit []Interview
	for _, i := range all {
		if i.Level == level && (kind == "" || i.Kind == kind) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return Interview{}, fmt.Errorf("there is no interview of level %q and kind %q", level, kind)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", level, kind, seed))
	chosen := fit[binary.BigEndian.Uint64(sum[:8])%uint64(len(fit))]
	if n := uint64(len(chosen.Variants)); n > 0 {
		return chosen.with(chosen.Variants[binary.BigEndian.Uint64(sum[8:16])%n])
	}
	return chosen, nil
}

// with puts a variant's details into the texts. They are replaced in the YAML form, so that no field is forgotten.
func (i Interview) with(details map[string]string) (Interview, error) {
	raw, err := yaml.Marshal(i)
	if err != nil {
		return i, err
	}
	text := placeholder.ReplaceAllStringFunc(string(raw), func(name string) string { return details[name[2:len(name)-1]] })
	done := Interview{ID: i.ID}
	if err := yaml.Unmarshal([]byte(text), &done); err != nil {
		return i, fmt.Errorf("interviews/%s: %w", i.ID, err)
	}
	done.Variants = []map[string]string{details}
	return done, nil
}

func (i Interview) check(raw []byte) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !interviewID.MatchString(i.ID) {
		bad("its file isn't named like staff-two-roots.yaml")
	}
	if strings.TrimSpace(i.Title) == "" || strings.TrimSpace(i.Told) == "" {
		bad("it needs a title, and what the candidate is told")
	}
	if !slices.Contains(ExerciseLevels, i.Level) {
		bad("there is no level %q: %s", i.Level, strings.Join(ExerciseLevels, ", "))
	}
	if !slices.Contains(InterviewKinds, i.Kind) {
		bad("there is no kind %q: %s", i.Kind, strings.Join(InterviewKinds, ", "))
	}
	if happens := i.Exercise != "" || len(i.Attacks) > 0; happens != (i.Kind == KindIncident) {
		bad("an incident has an exercise or attacks, and a design question has none")
	}
	if len(i.Threats) == 0 || len(i.Rubric) < 3 || len(i.FollowUp) == 0 || len(i.Wrong) == 0 {
		bad("it needs threats, three criteria, follow-ups and wrong turns")
	}
	for _, c := range i.Rubric {
		if c.Point == "" || c.Strong == "" || c.Adequate == "" || c.Weak == "" || c.Worth < 1 || c.Worth > mostWorth {
			bad("criterion %q: it needs a strong, an adequate and a weak answer, and is worth 1 to %d", c.Point, mostWorth)
		}
	}
	for _, w := range i.Wrong {
		if w.Says == "" || w.Ask == "" {
			bad("a wrong turn needs what is said, and what to ask then")
		}
	}
	layers := map[string]bool{}
	for _, t := range i.Trace {
		layers[t.Layer] = true
		if t.Says == "" || !strings.HasPrefix(t.Control, t.Layer+".") {
			bad("trace: %q is no control of layer %q, or nothing is said of it", t.Control, t.Layer)
		}
		if t.See != "" && !strings.HasPrefix(t.See, "lab ") {
			bad("trace: %q is no verb of lab", t.See)
		}
	}
	for _, layer := range Layers {
		if !layers[layer] {
			bad("trace: nothing is said of layer %s", layer)
		}
	}
	return errors.Join(append(errs, i.checkDetails(raw))...)
}

// checkDetails finds details that a variant doesn't give, and those that no text names.
func (i Interview) checkDetails(raw []byte) error {
	var named []string
	for _, m := range placeholder.FindAllStringSubmatch(string(raw), -1) {
		named = append(named, m[1])
	}
	slices.Sort(named)
	named = slices.Compact(named)
	if len(named) > 0 && len(i.Variants) == 0 {
		return fmt.Errorf("it names ${%s}, and has no variants", named[0])
	}
	var errs []error
	for _, v := range i.Variants {
		for _, name := range named {
			if v[name] == "" {
				errs = append(errs, fmt.Errorf("a variant doesn't say what ${%s} is", name))
			}
		}
		for name := range v {
			if !slices.Contains(named, name) {
				errs = append(errs, fmt.Errorf("a variant has %q, which no text names", name))
			}
		}
	}
	return errors.Join(errs...)
}
