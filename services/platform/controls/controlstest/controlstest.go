// Package controlstest lets a test see what a process does without a control.
package controlstest

import (
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"redoubt.example/services/platform/controls"
)

// process names, in the environment, the test that runs as a process of its own.
const process = "CONTROLSTEST_PROCESS"

// Off runs f with the controls switched off. A switch holds for a process's life, so the test that calls it runs
// once more, as a process of its own, and there f is called; it has to be the last that the test does. A f that
// doesn't run to its end fails the test.
func Off(t *testing.T, f func(), ids ...string) {
	t.Helper()
	if os.Getenv(process) == t.Name() {
		if err := controls.SwitchOff(slog.New(slog.DiscardHandler), ids); err != nil {
			t.Fatal(err)
		}
		f()
		t.Log(reached)
		return
	}
	var levels []string
	for level := range strings.SplitSeq(t.Name(), "/") {
		levels = append(levels, "^"+regexp.QuoteMeta(level)+"$")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+strings.Join(levels, "/"), "-test.v")
	cmd.Env = append(os.Environ(), process+"="+t.Name())
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), reached) {
		t.Fatalf("without %s: %v\n%s", strings.Join(ids, ", "), err, out)
	}
}

const reached = "controlstest: reached the end"
