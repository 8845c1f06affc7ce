package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const labCommand = "go run ./scripts/lab "

type workflow struct {
	On          any
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions map[string]string
		Timeout     int `yaml:"timeout-minutes"`
		Steps       []struct{ Uses, Run string }
	}
}

// problems are what mustn't be in a workflow: a step that can't be run at home, an action that can change under us, a
// permission that nothing needs, or an expression in a shell, where a branch's name is code.
func (w workflow) problems() (found []string) {
	if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
		found = append(found, "it may more than read the repository")
	}
	for name, job := range w.Jobs {
		if job.Timeout == 0 {
			found = append(found, name+" has no time limit")
		}
		if len(job.Permissions) > 0 && !(w.onTags() && maps.Equal(job.Permissions, signing)) {
			found = append(found, name+" has permissions of its own, and isn't a release that signs")
		}
		for _, step := range job.Steps {
			switch {
			case step.Uses != "" && !pinned.MatchString(step.Uses):
				found = append(found, step.Uses+" isn't pinned by a commit")
			case strings.Contains(step.Run, "${{"):
				found = append(found, "an expression in a shell: "+step.Run)
			}
			for line := range strings.Lines(step.Run) {
				if problem := verbProblem(strings.TrimSpace(line)); problem != "" {
					found = append(found, problem)
				}
			}
		}
	}
	return found
}

// signing is what an attestation needs: the workflow's identity, and a place to keep it.
var signing = map[string]string{"contents": "read", "id-token": "write", "attestations": "write"}

// onTags tells whether nothing but a pushed tag starts it: no pull request, and no branch.
func (w workflow) onTags() bool {
	return reflect.DeepEqual(w.On, map[string]any{"push": map[string]any{"tags": []any{"v*"}}})
}

var pinned = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)

// verbProblem says what is wrong with a command of the lab's: the verb or a flag that doesn't exist.
func verbProblem(line string) string {
	command, ok := strings.CutPrefix(line, labCommand)
	if !ok {
		return line + " is no verb of the lab's"
	}
	verb, args, err := new(app).root().Find(strings.Fields(command))
	switch {
	case err != nil:
		return line + ": " + err.Error()
	case verb.RunE == nil:
		return line + ": the verb does nothing by itself"
	}
	if err := verb.ParseFlags(args); err != nil {
		return line + ": " + err.Error()
	}
	if err := verb.ValidateArgs(verb.Flags().Args()); err != nil {
		return line + ": " + err.Error()
	}
	return ""
}

func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob("../../.github/workflows/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		var w workflow
		require.NoError(t, yaml.Unmarshal(text, &w), path)
		require.NotEmpty(t, w.Jobs, path)
		require.Empty(t, w.problems(), path)
	}
}

func TestWorkflowProblems(t *testing.T) {
	for name, text := range map[string]string{
		"no permissions stated": `{jobs: {}}`,
		"may write":             `{permissions: {contents: write}, jobs: {}}`,
		"a tag":                 `{permissions: {contents: read}, jobs: {a: {timeout-minutes: 1, steps: [{uses: actions/checkout@v5}]}}}`,
		"no time limit":         `{permissions: {contents: read}, jobs: {a: {steps: []}}}`,
		"signs pull requests":   `{on: {pull_request: {}}, permissions: {contents: read}, jobs: {a: {timeout-minutes: 1, permissions: {contents: read, id-token: write, attestations: write}, steps: []}}}`,
		"a release that writes": `{on: {push: {tags: ["v*"]}}, permissions: {contents: read}, jobs: {a: {timeout-minutes: 1, permissions: {contents: write, id-token: write, attestations: write}, steps: []}}}`,
		"another program":       `{permissions: {contents: read}, jobs: {a: {timeout-minutes: 1, steps: [{run: make}]}}}`,
		"an unknown verb":       `{permissions: {contents: read}, jobs: {a: {timeout-minutes: 1, steps: [{run: go run ./scripts/lab fly}]}}}`,
		"an unknown flag":       `{permissions: {contents: read}, jobs: {a: {timeout-minutes: 1, steps: [{run: go run ./scripts/lab test --fast}]}}}`,
		"an argument too many":  `{permissions: {contents: read}, jobs: {a: {timeout-minutes: 1, steps: [{run: go run ./scripts/lab test it}]}}}`,
		"an expression":         `{permissions: {contents: read}, jobs: {a: {timeout-minutes: 1, steps: [{run: "go run ./scripts/lab logs --id ${{x}}"}]}}}`,
	} {
		var w workflow
		require.NoError(t, yaml.Unmarshal([]byte(text), &w), name)
		require.Len(t, w.problems(), 1, name)
	}
}

// Dependabot looks after every module, the images and the actions.
func TestDependabot(t *testing.T) {
	var modules []string
	require.NoError(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && d.Name() != ".." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if err == nil && d.Name() == "go.mod" && !strings.Contains(path, "testdata") && !strings.Contains(path, "/leftout/") {
			folder, err := filepath.Rel("../..", filepath.Dir(path))
			modules = append(modules, "/"+folder)
			return err
		}
		return err
	}))
	text, err := os.ReadFile("../../.github/dependabot.yml")
	require.NoError(t, err)
	var config struct {
		Updates []struct {
			Ecosystem string `yaml:"package-ecosystem"`
			Directory string
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &config))
	var looked []string
	for _, u := range config.Updates {
		if u.Ecosystem == "gomod" {
			looked = append(looked, u.Directory)
		}
	}
	slices.Sort(looked)
	require.Equal(t, modules, looked)
}
