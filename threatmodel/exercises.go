package threatmodel

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

//go:embed exercises/*/exercise.yaml
var exercises embed.FS

// ExerciseLevels are how hard exercises are, from the first that one does on.
var ExerciseLevels = []string{"first-steps", "engineer", "senior", "staff"}

// Subjects are what exercises are about.
var Subjects = []string{"edge", "mesh", "identity", "secrets", "authorization", "detection", "performance"}

// Exercise is a platform that is broken on purpose, and what counts as mended: its attacks are blocked, with evidence, honest
// users are served, and a request costs no more than Budget says.
type Exercise struct {
	ID       string   `yaml:"-" json:"id"` // its folder: 01-trusted-network
	Title    string   `yaml:"title" json:"title"`
	Level    string   `yaml:"level" json:"level"`
	Subject  string   `yaml:"subject" json:"subject"`
	Scenario string   `yaml:"scenario" json:"scenario"` // what the learner is told
	Threats  []string `yaml:"threats" json:"threats"`
	Controls []string `yaml:"controls" json:"controls"`             // that it teaches: one of them has to stop each attack
	Attacks  []string `yaml:"attacks" json:"attacks"`               // of loadtest/attacks
	Budget   int      `yaml:"budget_us" json:"budget_us,omitempty"` // microseconds that a POST of a document may take more than on the platform as it was; 0: not measured
	// OverBudget: it is broken by what it costs, and its attacks are blocked.
	OverBudget bool `yaml:"over_budget" json:"over_budget,omitempty"`
	// Detect: the attacks have to be found, too, and honest users not to be taken for attackers.
	Detect   bool     `yaml:"detect" json:"detect,omitempty"`
	Files    []string `yaml:"files" json:"files,omitempty"` // that the learner's copy has beside those that are broken
	Breaks   []Edit   `yaml:"breaks" json:"-"`
	Hints    []string `yaml:"hints" json:"-"`
	Solution Solution `yaml:"solution" json:"-"`
	Cheats   []Cheat  `yaml:"cheats" json:"-"`
}

// Edit replaces a text, which has to be in a file of the repository exactly once, so that no exercise rots in silence.
type Edit struct {
	File string `yaml:"file" json:"file"` // from the repository's root
	Old  string `yaml:"old" json:"old"`
	New  string `yaml:"new" json:"new"`
}

// Solution is the reference one: edits of the broken copy.
type Solution struct {
	Reasoning string `yaml:"reasoning" json:"reasoning"`
	Edits     []Edit `yaml:"edits" json:"edits"`
}

// Cheat is what looks like a solution and isn't; Refused is the check that has to see through it.
type Cheat struct {
	Name    string `yaml:"name"`
	Refused string `yaml:"refused"`
	Edits   []Edit `yaml:"edits"`
}

// The checks that a solution has to pass, in this order.
const (
	CheckBuild   = "build"   // the copy compiles, and its rules pass their tests
	CheckHonest  = "honest"  // honest users are served
	CheckAttack  = "attack"  // the attacks are blocked, with evidence
	CheckDetect  = "detect"  // each attack raises its alert in time, and honest users raise none
	CheckLatency = "latency" // within Budget
)

// Checks are all of them.
var Checks = []string{CheckBuild, CheckHonest, CheckAttack, CheckDetect, CheckLatency}

// hintCount is how many hints each exercise has.
const hintCount = 3

var exerciseID = regexp.MustCompile(`^[0-9]{2}-[a-z][a-z0-9-]*$`)

// Exercises returns all exercises in the order of their numbers.
func Exercises() ([]Exercise, error) {
	sub, err := fs.Sub(exercises, "exercises")
	if err != nil {
		return nil, err
	}
	return ReadExercises(sub)
}

// ReadExercises is Exercises for any folder.
func ReadExercises(folder fs.FS) (all []Exercise, err error) {
	names, err := fs.Glob(folder, "*/exercise.yaml")
	if err != nil {
		return nil, err
	}
	var errs []error
	numbers := map[string]bool{}
	for _, name := range names {
		e := Exercise{ID: path.Dir(name)}
		raw, err := fs.ReadFile(folder, name)
		if err == nil {
			err = decode(raw, &e)
		}
		if err == nil {
			err = e.check()
		}
		if numbers[e.Number()] {
			err = errors.Join(err, errors.New("its number is another's, too"))
		}
		numbers[e.Number()] = true
		if err != nil {
			errs = append(errs, fmt.Errorf("exercises/%s: %w", e.ID, err))
		}
		all = append(all, e)
	}
	return all, errors.Join(errs...)
}

func (e Exercise) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !exerciseID.MatchString(e.ID) {
		bad("its folder isn't named like 07-stolen-leaf")
	}
	for what, text := range map[string]string{"title": e.Title, "scenario": e.Scenario, "solution's reasoning": e.Solution.Reasoning} {
		if strings.TrimSpace(text) == "" {
			bad("it has no %s", what)
		}
	}
	if !slices.Contains(ExerciseLevels, e.Level) {
		bad("there is no level %q: %s", e.Level, strings.Join(ExerciseLevels, ", "))
	}
	if !slices.Contains(Subjects, e.Subject) {
		bad("there is no subject %q: %s", e.Subject, strings.Join(Subjects, ", "))
	}
	if len(e.Threats) == 0 || len(e.Controls) == 0 || len(e.Attacks) == 0 || len(e.Breaks) == 0 || len(e.Solution.Edits) == 0 || len(e.Cheats) == 0 {
		bad("it needs threats, controls, attacks, breaks, a solution and a cheat")
	}
	if len(e.Hints) != hintCount {
		bad("it has %d hints, not %d", len(e.Hints), hintCount)
	}
	if e.Budget < 0 || e.OverBudget && e.Budget == 0 {
		bad("a budget of %d us is none", e.Budget)
	}
	for _, edit := range e.edits() {
		if err := edit.check(); err != nil {
			errs = append(errs, err)
		}
	}
	for _, c := range e.Cheats {
		if c.Name == "" || !slices.Contains(Checks, c.Refused) || len(c.Edits) == 0 {
			bad("cheat %q: it needs a name, edits, and the check that refuses it: %s", c.Name, strings.Join(Checks, ", "))
		}
		if c.Refused == CheckLatency && e.Budget == 0 {
			bad("cheat %q: there is no budget to exceed", c.Name)
		}
		if c.Refused == CheckDetect && !e.Detect {
			bad("cheat %q: nobody asks whether it was found", c.Name)
		}
	}
	return errors.Join(errs...)
}

// Fails is the check that it fails as it is broken.
func (e Exercise) Fails() string {
	switch {
	case e.Detect:
		return CheckDetect
	case e.OverBudget:
		return CheckLatency
	}
	return CheckAttack
}

// Number is what its ID begins with.
func (e Exercise) Number() string {
	number, _, _ := strings.Cut(e.ID, "-")
	return number
}

// ChangesVault tells whether the learner's files are Vault's, too: what it gives to services, who hold for minutes what they were given
// before.
func (e Exercise) ChangesVault() bool {
	return slices.ContainsFunc(e.Copied(), func(file string) bool { return strings.HasPrefix(file, "infra/controlplane/") })
}

func (e Exercise) edits() []Edit {
	all := slices.Concat(e.Breaks, e.Solution.Edits)
	for _, c := range e.Cheats {
		all = append(all, c.Edits...)
	}
	return all
}

func (e Edit) check() error {
	switch {
	case !fs.ValidPath(e.File) || strings.HasPrefix(e.File, "."):
		return fmt.Errorf("%q is no file below the repository's root", e.File)
	case e.Old == "" || e.Old == e.New:
		return fmt.Errorf("%s: an edit replaces a text by another", e.File)
	}
	return nil
}

// Copied are the files of the learner's copy, sorted.
func (e Exercise) Copied() []string {
	files := slices.Clone(e.Files)
	for _, edit := range e.edits() {
		files = append(files, edit.File)
	}
	slices.Sort(files)
	return slices.Compact(files)
}
