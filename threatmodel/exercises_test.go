package threatmodel_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"redoubt.example/threatmodel"
)

func TestExercises(t *testing.T) {
	all, err := threatmodel.Exercises()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	threats, err := threatmodel.Load()
	require.NoError(t, err)
	for _, e := range all {
		for _, id := range e.Threats {
			require.Condition(t, func() bool {
				for _, threat := range threats {
					if threat.ID == id {
						return true
					}
				}
				return false
			}, "%s: there is no threat %s", e.ID, id)
		}
	}
}

// TestEditsApply: what the exercises replace is in the repository's files, broken and then solved or cheated.
func TestEditsApply(t *testing.T) {
	all, err := threatmodel.Exercises()
	require.NoError(t, err)
	for _, e := range all {
		after := map[string][]threatmodel.Edit{"broken": nil, "solution": e.Solution.Edits}
		for _, c := range e.Cheats {
			after[c.Name] = c.Edits
		}
		for name, edits := range after {
			t.Run(e.ID+"/"+name, func(t *testing.T) {
				texts := map[string]string{}
				for _, edit := range append(append([]threatmodel.Edit{}, e.Breaks...), edits...) {
					if _, read := texts[edit.File]; !read {
						raw, err := os.ReadFile("../" + edit.File)
						require.NoError(t, err)
						texts[edit.File] = string(raw)
					}
					require.Equal(t, 1, strings.Count(texts[edit.File], edit.Old), "%s: %q", edit.File, edit.Old)
					texts[edit.File] = strings.Replace(texts[edit.File], edit.Old, edit.New, 1)
				}
			})
		}
	}
}

func TestBadExercisesAreRefused(t *testing.T) {
	good, err := os.ReadFile("exercises/01-trusted-network/exercise.yaml")
	require.NoError(t, err)
	for name, c := range map[string]struct{ folder, old, new, want string }{
		"misspelt key":          {"01-a", "level:", "levle:", "levle"},
		"no number":             {"trusted", "level: first-steps", "level: first-steps", "isn't named like"},
		"no such level":         {"01-a", "level: first-steps", "level: wizard", `no level "wizard"`},
		"no such subject":       {"01-a", "subject: mesh", "subject: cooking", `no subject "cooking"`},
		"out of the tree":       {"01-a", "file: infra/topology/topology.yaml\n    old: \"route:", "file: ../etc/passwd\n    old: \"route:", "no file below"},
		"no such check":         {"01-a", "refused: honest", "refused: luck", "the check that refuses it"},
		"cheats without one":    {"01-a", "refused: honest", "refused: latency", "no budget to exceed"},
		"a hint that's missing": {"01-a", "  - Intentions aren't written by hand here. One file says who may call whom, and intentions and policy are made from it.\n", "", "2 hints, not 3"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(good), c.old)
			text := strings.Replace(string(good), c.old, c.new, 1)
			_, err := threatmodel.ReadExercises(fstest.MapFS{c.folder + "/exercise.yaml": {Data: []byte(text)}})
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err = threatmodel.ReadExercises(fstest.MapFS{"01-a/exercise.yaml": {Data: good}, "01-b/exercise.yaml": {Data: good}})
	require.ErrorContains(t, err, "its number is another's")
}
