package suite

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

// mostRepeated is how many failing tests of one run may be the machine's doing. More are the change's.
const mostRepeated = 3

// Unsteady is a test that failed and then passed, alone: the platform's tests wait for real servers, and a machine that
// others use may stall one. It doesn't fail the suite and isn't kept quiet either.
type Unsteady struct {
	Test   string `json:"test"`
	Output string `json:"output"` // of the failure
}

// failures are what failed in one run of go test.
type failures struct {
	tests  []failure // top-level ones
	whole  bool      // something failed that isn't a test: a build, a package
	count  int       // as the part counts: subtests too
	output string
}

type failure struct{ pkg, test string }

func (f *failures) add(e event) {
	top, _, _ := strings.Cut(e.Test, "/")
	one := failure{e.Package, top}
	switch {
	case e.Test == "":
		f.whole = true
	case !slices.Contains(f.tests, one):
		f.tests = append(f.tests, one)
	}
}

// dead is the output of what no machine is to blame for, or of what kept other tests from running.
var dead = regexp.MustCompile(`(?m)^(WARNING: DATA RACE|panic: |fatal error: )`)

// repeatable: few tests failed, each by its own word.
func (f *failures) repeatable() bool {
	return len(f.tests) > 0 && len(f.tests) <= mostRepeated && !f.whole && !dead.MatchString(f.output)
}

// passAlone runs the tests that failed once more, each alone, and tells whether every one of them passed.
func (s *Suite) passAlone(ctx context.Context, dir string, env []string, failed failures, flags []string) bool {
	for _, f := range failed.tests {
		args := slices.Concat([]string{"test", "-json", "-count=1", "-run", "^" + f.test + "$"}, flags, []string{f.pkg})
		out, err := s.command(ctx, dir, env, "go", args...)
		var again Part
		again.collect(out)
		if err != nil || again.Failed > 0 || again.Tests == 0 { // or it was skipped this time
			return false
		}
	}
	return true
}
