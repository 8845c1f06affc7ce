package suite_test

import (
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
	t.Setenv("GOPROXY", "off")
	progress := term.NewPlainProgress(&strings.Builder{}, time.Hour)
	defer progress.Close()
	report, err := (&suite.Suite{Repo: root, Progress: progress}).Run(t.Context())
	require.NoError(t, err)
	return report
}

const header = "package doc\n\nimport \"testing\"\n\n"

func TestFailuresAreFound(t *testing.T) {
	for name, c := range map[string]struct{ part, file, text, says string }{
		"a failing test":                    {"test infra", "infra/a_test.go", header + "func TestSum(t *testing.T) {\n\tt.Fatal(\"one and one\")\n}\n", "one and one"},
		"a panic":                           {"test infra", "infra/a_test.go", header + "func TestSum(t *testing.T) {\n\tpanic(\"ouch\")\n}\n", "ouch"},
		"a test outside":                    {"test loadtest/k6", "loadtest/k6/a_test.go", header + "func TestSum(t *testing.T) {\n\tt.Fatal(\"one and one\")\n}\n", "one and one"},
		"it doesn't compile":                {"test gateway", "gateway/a_test.go", header + "func TestSum(t *testing.T) {\n\tt.Fatl()\n}\n", "Fatl"},
		"the end to end":                    {"end to end", "scripts/e2e/b_test.go", "package e2e\n\nimport \"testing\"\n\nfunc TestB(t *testing.T) {\n\tt.Fatal(\"no hop\")\n}\n", "no hop"},
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
