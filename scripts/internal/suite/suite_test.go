package suite_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/suite"
	"redoubt.example/scripts/internal/term"
)

// repository makes one with all the modules, and a file in one of them.
func repository(t *testing.T, name, text string) string {
	t.Helper()
	root := t.TempDir()
	work := "go 1.26\n\nuse (\n"
	write := func(name, text string) {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	for _, module := range append(suite.Modules, suite.Outside...) {
		write(module+"/go.mod", "module redoubt.example/"+module+"\n\ngo 1.26\n")
		write(module+"/doc.go", "package doc\n")
	}
	for _, module := range suite.Modules {
		work += "\t./" + module + "\n"
	}
	write("go.work", work+")\n")
	write("scripts/e2e/e2e_test.go", "package e2e\n\nimport \"testing\"\n\nfunc TestAll(t *testing.T) {}\n")
	write(name, text)
	return root
}

func run(t *testing.T, root string) suite.Report {
	t.Helper()
	report, _ := watch(t, root)
	return report
}

// watch is run with what whoever waits for it sees.
func watch(t *testing.T, root string) (suite.Report, string) {
	t.Helper()
	t.Setenv("GOPROXY", "off")
	var seen strings.Builder
	progress := term.NewPlainProgress(&seen, time.Hour)
	report, err := (&suite.Suite{Repo: root, Progress: progress}).Run(t.Context())
	require.NoError(t, err)
	progress.Close()
	return report, seen.String()
}

func TestChosenParts(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	root := repository(t, "infra/a_test.go", header+"func TestSum(t *testing.T) {}\n")
	progress := term.NewPlainProgress(io.Discard, time.Hour)
	defer progress.Close()
	report, err := (&suite.Suite{Repo: root, Progress: progress, Only: []string{"test infra", "form"}}).Run(t.Context())
	require.NoError(t, err)
	require.Len(t, report.Parts, 2)
	require.Equal(t, "format", report.Parts[0].Name)
	require.Equal(t, 1, report.Parts[1].Tests)
	_, err = (&suite.Suite{Repo: root, Progress: progress, Only: []string{"format", "tset"}}).Run(t.Context())
	require.ErrorContains(t, err, "tset")
	require.ErrorContains(t, err, "end to end")
}

func TestFailuresAreNamedAtOnce(t *testing.T) {
	_, seen := watch(t, repository(t, "infra/a_test.go", header+"func TestSum(t *testing.T) {\n\tt.Fatal(\"one and one\")\n}\n"))
	require.Regexp(t, `test infra: FAILED in .*: TestSum\n`, seen)
}

// fuzzy passes as an ordinary test.
const fuzzy = `func FuzzByte(f *testing.F) {
	f.Add([]byte("a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 0 && b[0] > 'z' {
			t.Fatal("a found byte")
		}
	})
}
`

const header = "package doc\n\nimport \"testing\"\n\n"

func TestFailuresAreFound(t *testing.T) {
	for name, c := range map[string]struct{ part, file, text, says string }{
		"a failing test":                    {"test infra", "infra/a_test.go", header + "func TestSum(t *testing.T) {\n\tt.Fatal(\"one and one\")\n}\n", "one and one"},
		"a panic":                           {"test infra", "infra/a_test.go", header + "func TestSum(t *testing.T) {\n\tpanic(\"ouch\")\n}\n", "ouch"},
		"a test outside":                    {"test loadtest/k6", "loadtest/k6/a_test.go", header + "func TestSum(t *testing.T) {\n\tt.Fatal(\"one and one\")\n}\n", "one and one"},
		"it doesn't compile":                {"test gateway", "gateway/a_test.go", header + "func TestSum(t *testing.T) {\n\tt.Fatl()\n}\n", "Fatl"},
		"the end to end":                    {"end to end", "scripts/e2e/b_test.go", "package e2e\n\nimport \"testing\"\n\nfunc TestB(t *testing.T) {\n\tt.Fatal(\"no hop\")\n}\n", "no hop"},
		"what only fuzzing finds":           {"fuzz the mesh's parsers", "services/platform/mesh/spiffe/a_test.go", header + fuzzy, "a found byte"},
		"the format":                        {"format", "services/a.go", "package doc\nvar  x  = 1\n", "services/a.go"},
		"vet":                               {"vet", "services/a.go", "package doc\n\nimport \"fmt\"\n\nfunc f() { fmt.Printf(\"%d\\n\", \"x\") }\n", "wrong type"},
		"a module that needs the workspace": {"each module alone", "services/a.go", "package doc\n\nimport _ \"redoubt.example/infra\"\n", "redoubt.example/infra"},
	} {
		t.Run(name, func(t *testing.T) {
			report := run(t, repository(t, c.file, c.text))
			require.False(t, report.Passed)
			i := slices.IndexFunc(report.Parts, func(p suite.Part) bool { return p.Name == c.part })
			require.GreaterOrEqual(t, i, 0)
			require.False(t, report.Parts[i].Passed, "%+v", report.Parts)
			require.Contains(t, report.Parts[i].Output, c.says)
		})
	}
}

func TestSkipsAreListedWithTheirReason(t *testing.T) {
	root := repository(t, "services/a_test.go", header+`func TestGood(t *testing.T) {}

func TestServer(t *testing.T) {
	t.Skip("no Vault on this machine")
}
`)
	report := run(t, root)
	require.True(t, report.Passed, "%+v", report)
	for _, p := range report.Parts {
		if p.Name == "test services" {
			require.Equal(t, 1, p.Tests)
			require.Equal(t, []suite.Skip{{Test: "redoubt.example/services.TestServer", Reason: "no Vault on this machine"}}, p.Skipped)
			return
		}
	}
	t.Fatal("no such part")
}

// TestRepeatedTests: each module has a test that fails the first time that it is run, in a way of its own.
func TestRepeatedTests(t *testing.T) {
	file := func(tests int, fails string) string {
		text := "package doc\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestGood(t *testing.T) { fmt.Println() }\n"
		for i := range tests {
			mark := filepath.Join(t.TempDir(), "ran")
			text += fmt.Sprintf("\nfunc TestOnce%d(t *testing.T) {\n\tt.Run(\"sub\", func(t *testing.T) {\n\t\tif os.Mkdir(%q, 0o700) == nil {\n\t\t\t%s\n\t\t}\n\t})\n}\n", i, mark, fails)
		}
		return text
	}
	root := repository(t, "infra/a_test.go", file(1, `t.Fatal("it stalled")`))
	for module, text := range map[string]string{
		"gateway":     file(1, `panic("it stalled")`),
		"services":    file(1, `fmt.Println("WARNING: DATA RACE"); t.Fatal("x")`),
		"threatmodel": file(4, `t.Fatal("a change broke these")`),
		"loadtest":    strings.Replace(file(1, `t.Fatal("x")`), "== nil", "!= os.ErrExist", 1), // and every other time
	} {
		require.NoError(t, os.WriteFile(filepath.Join(root, module, "a_test.go"), []byte(text), 0o644))
	}
	report := run(t, root)
	part := func(name string) suite.Part {
		return report.Parts[slices.IndexFunc(report.Parts, func(p suite.Part) bool { return p.Name == "test "+name })]
	}
	steady := part("infra")
	require.True(t, steady.Passed, "%+v", steady)
	require.Equal(t, 3, steady.Tests, "as many as there are")
	require.Zero(t, steady.Failed)
	require.Empty(t, steady.Output)
	require.Len(t, steady.Unsteady, 1)
	require.Equal(t, "redoubt.example/infra.TestOnce0", steady.Unsteady[0].Test)
	require.Contains(t, steady.Unsteady[0].Output, "it stalled")
	for _, module := range []string{"gateway", "services", "threatmodel", "loadtest"} {
		p := part(module)
		require.False(t, p.Passed, module)
		require.Empty(t, p.Unsteady, module)
		require.Positive(t, p.Failed, module)
		require.NotEmpty(t, p.Output, module)
	}
	require.False(t, report.Passed)
}

// attacked answers as the lab's attack verbs do: the mesh's mode and the verb say how well.
const attacked = `#!/bin/sh
marks=%q
for last; do :; done
verb="$2 $4"
case "$verb" in
"run sidecar") alert=', "alert": {"rule": "a rule"}'; if mkdir "$marks/a"; then verdict=inconclusive; alert=', "alert": {"rule": ""}'; else verdict=blocked; fi ;;
"run native") if mkdir "$marks/b"; then verdict=succeeded; else verdict=blocked; fi ;;
"prove sidecar") if mkdir "$marks/c"; then proved=false; else proved=true; fi ;;
"prove native") proved=false ;;
esac 2>/dev/null
echo "said: $* $verdict$proved"
case "$verb" in
run*) echo "{\"attacks\": [{\"id\": \"edge.a\", \"verdict\": \"$verdict\"}, {\"id\": \"edge.c\", \"verdict\": \"blocked\"$alert}], \"skipped\": [{\"id\": \"edge.b\", \"reason\": \"no root\"}]}" >"$last" ;;
*) echo "{\"controls\": [{\"id\": \"mesh.a\", \"proved\": $proved}]}" >"$last" ;;
esac
test "$verdict$proved" = blocked || test "$verdict$proved" = true
`

func TestRepeatedAttacks(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	lab := filepath.Join(t.TempDir(), "lab")
	require.NoError(t, os.WriteFile(lab, []byte(fmt.Sprintf(attacked, t.TempDir())), 0o700))
	progress := term.NewPlainProgress(&strings.Builder{}, time.Hour)
	defer progress.Close()
	report, err := (&suite.Suite{Repo: repository(t, "infra/a.go", "package doc\n"), Progress: progress, Lab: lab}).Run(t.Context())
	require.NoError(t, err)
	part := func(name string) suite.Part {
		return report.Parts[slices.IndexFunc(report.Parts, func(p suite.Part) bool { return p.Name == name })]
	}
	for name, ids := range map[string][]string{"attacks, mode sidecar, and their alerts": {"edge.a", "edge.c"}, "proof of all controls": {"mesh.a"}} {
		p := part(name)
		require.True(t, p.Passed, "%+v", p)
		require.Equal(t, len(ids), p.Tests)
		require.Len(t, p.Unsteady, len(ids))
		for i, id := range ids {
			require.Equal(t, id, p.Unsteady[i].Test)
		}
		require.Contains(t, p.Unsteady[0].Output, "said: attack")
	}
	require.Equal(t, []suite.Skip{{Test: "attack edge.b", Reason: "no root"}}, part("attacks, mode sidecar, and their alerts").Skipped)
	for _, name := range []string{"attacks, mode native", "proof of mesh.*, mode native"} {
		p := part(name)
		require.False(t, p.Passed, name)
		require.Equal(t, 1, p.Failed)
		require.Empty(t, p.Unsteady)
		require.NotEmpty(t, p.Output)
	}
	require.False(t, report.Passed)
}
