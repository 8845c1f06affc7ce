package suite

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// endToEndPackage starts the whole platform, and those below it parts of it: they have a part of their own.
const endToEndPackage = "redoubt.example/scripts/e2e"

func endToEnd(p listed) bool {
	return p.ImportPath == endToEndPackage || strings.HasPrefix(p.ImportPath, endToEndPackage+"/")
}

// testModule tests a module's packages: those with concurrency under the race detector, where there is one.
func (s *Suite) testModule(ctx context.Context, module string, into *Part) error {
	packages, err := s.packages(ctx, module)
	if err != nil {
		return err
	}
	var raced, plain []string
	for _, p := range packages {
		switch {
		case endToEnd(p) || !p.hasTests():
		case s.Race && p.concurrent():
			raced = append(raced, p.ImportPath)
		default:
			plain = append(plain, p.ImportPath)
		}
	}
	if err := s.goTest(ctx, module, withRace, into, raced, uncached, "-race"); err != nil {
		return err
	}
	return s.goTest(ctx, module, nil, into, plain, uncached)
}

// uncached: tests read files of other modules', and Go's cache of tests doesn't see those change.
const uncached = "-count=1"

func (s *Suite) testOutside(ctx context.Context, module string, into *Part) error {
	return s.goTest(ctx, module, alone, into, []string{"./..."}, uncached)
}

// endToEnd has one package come after the other: the platform as a whole makes the images that the others use. Its tests wait for
// processes most of the time, so two labs run side by side (t.Parallel), after the tests that have the machine to themselves.
func (s *Suite) endToEnd(ctx context.Context, into *Part) error {
	packages, err := s.packages(ctx, "scripts")
	if err != nil {
		return err
	}
	for _, p := range packages {
		if !endToEnd(p) || !p.hasTests() {
			continue
		}
		if err := s.goTest(ctx, "scripts", nil, into, []string{p.ImportPath}, uncached, "-timeout=45m", "-parallel=2"); err != nil {
			return err
		}
	}
	return nil
}

func (s *Suite) goTest(ctx context.Context, dir string, env []string, into *Part, packages []string, flags ...string) error {
	if len(packages) == 0 {
		return nil
	}
	// Vet has a part of its own; go test would do some of it again, for each package and with -race once more.
	args := slices.Concat([]string{"test", "-json", "-vet=off"}, flags, packages)
	out, err := s.command(ctx, dir, env, "go", args...)
	before := *into
	first := into.collect(out)
	if err != nil && into.Failed == 0 {
		return fmt.Errorf("%w\n%s", err, into.Output) // nothing was even run
	}
	if !first.repeatable() || !s.passAlone(ctx, dir, env, first, flags) {
		return ctx.Err()
	}
	into.Tests += first.count
	into.Failed, into.Output = before.Failed, before.Output
	for _, f := range first.tests {
		into.Unsteady = append(into.Unsteady, Unsteady{f.pkg + "." + f.test, first.output})
	}
	return nil
}

// event is a line of go test -json (go doc test2json), and of the build before it.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
	Elapsed    float64 // seconds
}

// collect counts tests, and keeps what failing ones and builds said, and why others were skipped. It returns what failed.
func (p *Part) collect(output string) (failed failures) {
	said, failing := map[string]string{}, map[string]bool{}
	for line := range strings.Lines(output) {
		var e event
		if json.Unmarshal([]byte(line), &e) != nil {
			p.Output += line // the go command itself
			continue
		}
		name := cmp.Or(e.Package, e.ImportPath)
		if e.Test != "" {
			name += "." + e.Test
			if !strings.Contains(e.Test, "/") {
				p.took(e.Test, e.Elapsed)
			}
		}
		switch e.Action {
		case "output", "build-output":
			said[name] += e.Output
		case "pass":
			if e.Test != "" {
				p.Tests++
			}
		case "skip":
			if e.Test != "" {
				p.Skipped = append(p.Skipped, Skip{name, reason(said[name])})
			}
		case "fail", "build-fail":
			p.Output += said[name]
			failed.output += said[name]
			if e.Test != "" || !failing[name] { // a package fails with its tests, and counts where none did
				p.Failed++
				failed.count++
				failed.add(e)
			}
			failing[cmp.Or(e.Package, e.ImportPath)] = true
		}
	}
	return failed
}

// slow is how many seconds a test takes to be worth a line, and mostSlow how many lines there are.
const (
	slow     = 20
	mostSlow = 8
)

// took keeps the tests that took longest, the longest first.
func (p *Part) took(test string, seconds float64) {
	if seconds < slow {
		return
	}
	p.Slowest = append(p.Slowest, Timing{test, seconds})
	slices.SortStableFunc(p.Slowest, func(a, b Timing) int { return cmp.Compare(b.Seconds, a.Seconds) })
	p.Slowest = p.Slowest[:min(len(p.Slowest), mostSlow)]
}

// reason finds what a test gave to t.Skip in its output: "    file_test.go:12: reason".
func reason(output string) string {
	for line := range strings.Lines(output) {
		if _, text, ok := strings.Cut(line, "_test.go:"); ok {
			_, text, _ = strings.Cut(text, ": ")
			return strings.TrimSpace(text)
		}
	}
	for line := range strings.Lines(output) { // skipped by a helper
		if _, text, ok := strings.Cut(line, ".go:"); ok {
			_, text, _ = strings.Cut(text, ": ")
			return strings.TrimSpace(text)
		}
	}
	return ""
}
