// Package suite runs all checks and tests of the repository's modules, one part after the other, and sums them up.
package suite

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"redoubt.example/scripts/internal/term"
)

// Modules are the workspace's, and Outside those that stay out of it because their graphs disagree with the others'.
var (
	Modules = []string{"gateway", "infra", "loadtest", "scripts", "services", "threatmodel"}
	Outside = []string{"loadtest/k6"}
)

// Suite is what to test, and with what.
type Suite struct {
	Repo     string
	Env      []string // added to our own environment: where the servers are
	Race     bool     // there is a C compiler to link the race detector with
	Progress *term.Progress
	Lab      string   // our own program: it attacks a lab of its own; "" leaves that out
	Only     []string // the parts whose names have one of these in them; none: all parts
}

// Report is what came out.
type Report struct {
	Passed  bool    `json:"passed"`
	Seconds float64 `json:"seconds"`
	Parts   []Part  `json:"parts"`
}

// Part is one part's outcome.
type Part struct {
	Name     string     `json:"name"`
	Passed   bool       `json:"passed"`
	Seconds  float64    `json:"seconds"`
	Tests    int        `json:"tests"` // that ran and passed
	Failed   int        `json:"failed"`
	Unsteady []Unsteady `json:"unsteady,omitempty"` // that passed only when they were repeated
	Skipped  []Skip     `json:"skipped,omitempty"`
	Slowest  []Timing   `json:"slowest,omitempty"` // its longest tests
	Output   string     `json:"output,omitempty"`  // of what failed
}

// Timing is how long one test took.
type Timing struct {
	Test    string  `json:"test"`
	Seconds float64 `json:"seconds"`
}

// Skip is a test that didn't run.
type Skip struct {
	Test   string `json:"test"`
	Reason string `json:"reason"`
}

type step struct {
	name string
	run  func(ctx context.Context, into *Part) error
	// lane is 0 for a step that has the machine to itself. Steps of other lanes that follow each other run side by side: one of
	// each lane at a time.
	lane int
}

// Run runs every part that is chosen, the failing ones too, and ends early only with the context.
func (s *Suite) Run(ctx context.Context) (Report, error) {
	began := time.Now()
	report := Report{}
	steps, err := s.chosen()
	if err != nil {
		return report, err
	}
	report.Parts = s.parts(ctx, steps)
	if err := ctx.Err(); err != nil {
		return Report{}, err
	}
	report.Passed = !slices.ContainsFunc(report.Parts, func(p Part) bool { return !p.Passed })
	report.Seconds = time.Since(began).Seconds()
	return report, nil
}

// parts runs steps, and returns what came out in their order; what hadn't begun when ctx ended is empty.
func (s *Suite) parts(ctx context.Context, steps []step) []Part {
	parts := make([]Part, len(steps))
	for at := 0; at < len(steps); {
		lanes := map[int][]int{} // of what runs side by side: places in steps
		for from := at; at < len(steps) && (at == from || steps[at].lane != 0 && steps[from].lane != 0); at++ {
			lanes[steps[at].lane] = append(lanes[steps[at].lane], at)
		}
		var all sync.WaitGroup
		for _, lane := range lanes {
			all.Go(func() {
				for _, i := range lane {
					parts[i] = s.part(ctx, steps[i])
				}
			})
		}
		all.Wait()
	}
	return parts
}

// part runs one step, and says what came out.
func (s *Suite) part(ctx context.Context, step step) Part {
	part := Part{Name: step.name}
	if ctx.Err() != nil {
		return part
	}
	start := time.Now()
	task := s.Progress.Task(step.name, "running")
	err := step.run(ctx, &part)
	if ctx.Err() != nil {
		task.End("")
		return part
	}
	part.Passed, part.Seconds = err == nil && part.Failed == 0, time.Since(start).Seconds()
	verdict := "ok"
	if !part.Passed {
		verdict = "FAILED"
		if err != nil {
			part.Output += err.Error() + "\n"
		}
	}
	task.End("%s in %s%s", verdict, term.Seconds(time.Since(start)), cmp.Or(named(part.Output), longest(part.Slowest)))
	return part
}

// longest is what a part's time went to.
func longest(slowest []Timing) string {
	var said []string
	for _, t := range slowest {
		said = append(said, fmt.Sprintf("%s %s", t.Test, term.Seconds(time.Duration(t.Seconds*float64(time.Second)))))
	}
	if len(said) == 0 {
		return ""
	}
	return "; longest: " + strings.Join(said, ", ")
}

var failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

// named is which tests failed, a few of them, for whoever watches: all that they said comes in the end.
func named(output string) string {
	var names []string
	for _, found := range failedTest.FindAllStringSubmatch(output, -1) {
		if !slices.Contains(names, found[1]) {
			names = append(names, found[1])
		}
	}
	switch {
	case len(names) == 0:
		return ""
	case len(names) > 5:
		return fmt.Sprintf(": %s and %d more", strings.Join(names[:5], ", "), len(names)-5)
	}
	return ": " + strings.Join(names, ", ")
}

// Check tells what is wrong with what was chosen, before anything is obtained.
func (s *Suite) Check() error {
	_, err := s.chosen()
	return err
}

// chosen are the steps of Only, in their order.
func (s *Suite) chosen() (steps []step, err error) {
	has := func(word string) func(step) bool {
		return func(one step) bool { return strings.Contains(one.name, word) }
	}
	for _, word := range s.Only {
		if !slices.ContainsFunc(s.steps(), has(word)) {
			var names []string
			for _, one := range s.steps() {
				names = append(names, one.name)
			}
			return nil, fmt.Errorf("no part has %q in its name: they are %s", word, strings.Join(names, "; "))
		}
	}
	return slices.DeleteFunc(s.steps(), func(one step) bool {
		return len(s.Only) > 0 && !slices.ContainsFunc(s.Only, func(word string) bool { return has(word)(one) })
	}), nil
}

// steps are in the order of what fails fastest; the platform as a whole comes last.
func (s *Suite) steps() []step {
	steps := []step{
		{name: "format", run: s.format},
		{name: "vet", run: s.vet},
		{name: "each module alone", run: s.alone},
	}
	for _, module := range Modules {
		steps = append(steps, step{name: "test " + module, run: func(ctx context.Context, into *Part) error { return s.testModule(ctx, module, into) }})
	}
	for _, module := range Outside {
		steps = append(steps, step{name: "test " + module, run: func(ctx context.Context, into *Part) error { return s.testOutside(ctx, module, into) }})
	}
	steps = append(steps, step{name: "fuzz the mesh's parsers", run: s.fuzz}, step{name: "end to end", run: s.endToEnd})
	if s.Lab != "" {
		steps = append(steps, s.attackSteps()...)
	}
	return steps
}
