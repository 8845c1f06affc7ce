package threatmodel_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"redoubt.example/threatmodel"
)

// TestInterviews: enough of them at each level, of both kinds, and on threats and exercises that there are.
func TestInterviews(t *testing.T) {
	all, err := threatmodel.Interviews()
	require.NoError(t, err)
	threats, err := threatmodel.Load()
	require.NoError(t, err)
	exercises, err := threatmodel.Exercises()
	require.NoError(t, err)
	known := map[string]bool{"": true}
	for _, x := range threats {
		known[x.ID] = true
	}
	for _, e := range exercises {
		known[e.ID] = true
	}
	count := map[string]int{}
	for _, i := range all {
		count[i.Level]++
		count[i.Level+i.Kind]++
		for _, id := range append(i.Threats, i.Exercise) {
			require.True(t, known[id], "%s: there is no %s", i.ID, id)
		}
	}
	for _, level := range threatmodel.ExerciseLevels {
		require.GreaterOrEqual(t, count[level], 2, level)
		for _, kind := range threatmodel.InterviewKinds {
			require.Positive(t, count[level+kind], "%s has no %s", level, kind)
		}
	}
}

// TestTheSameSeedGivesTheSameInterview, with the same details; other seeds reach every interview and every variant.
func TestTheSameSeedGivesTheSameInterview(t *testing.T) {
	all, err := threatmodel.Interviews()
	require.NoError(t, err)
	want := map[string]bool{}
	for _, i := range all {
		for _, v := range append(i.Variants, nil)[:max(1, len(i.Variants))] {
			want[i.ID+told(v)] = true
		}
	}
	got := map[string]bool{}
	for _, level := range threatmodel.ExerciseLevels {
		for seed := range uint64(60) {
			one, err := threatmodel.ChooseInterview(all, level, "", seed)
			require.NoError(t, err)
			if seed < 5 {
				again, err := threatmodel.ChooseInterview(all, level, "", seed)
				require.NoError(t, err)
				require.Equal(t, one, again)
			}
			require.Equal(t, level, one.Level)
			var details map[string]string
			if len(one.Variants) > 0 {
				details = one.Variants[0]
			}
			require.NotContains(t, one.Told+strings.Join(one.Attacks, ""), "${")
			got[one.ID+told(details)] = true
		}
	}
	require.Equal(t, want, got)
	_, err = threatmodel.ChooseInterview(all, "wizard", "", 1)
	require.ErrorContains(t, err, "no interview of level")
}

func told(details map[string]string) string {
	var b strings.Builder
	for _, key := range []string{"attacker", "target", "when", "user", "other", "service", "attack", "number"} {
		b.WriteString(" " + details[key])
	}
	return b.String()
}

func TestBadInterviewsAreRefused(t *testing.T) {
	raw, err := os.ReadFile("interviews/staff-reaching-neighbour.yaml")
	require.NoError(t, err)
	good := string(raw)
	for name, c := range map[string]struct{ file, old, new, want string }{
		"misspelt key":      {"a.yaml", "kind:", "knid:", "knid"},
		"bad name":          {"A_b.yaml", "kind:", "kind:", "isn't named like"},
		"no such level":     {"a.yaml", "level: staff", "level: wizard", `no level "wizard"`},
		"no such kind":      {"a.yaml", "kind: incident", "kind: quiz", `no kind "quiz"`},
		"nothing happens":   {"a.yaml", `attacks: ["${attack}"]`, "", "an incident has an exercise or attacks"},
		"a layer is missed": {"a.yaml", "layer: edge, control: edge.", "layer: mesh, control: mesh.", "nothing is said of layer edge"},
		"another layer's":   {"a.yaml", "layer: edge, control: edge.", "layer: edge, control: app.", "is no control of layer"},
		"no weak answer":    {"a.yaml", "weak: Goes by IP address, or by what ${attacker} logs.", "weak: ''", "a weak answer"},
		"worth too much":    {"a.yaml", "worth: 5", "worth: 50", "is worth 1 to 5"},
		"an unknown detail": {"a.yaml", "At ${when}", "At ${hour}", "doesn't say what ${hour} is"},
		"an unused detail":  {"a.yaml", "{ attacker: notification, target: payments,", "{ colour: red, attacker: notification, target: payments,", `has "colour"`},
		"no verb of lab's":  {"a.yaml", `see: "lab events"`, `see: "rm -r"`, "is no verb of lab"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, good, c.old)
			_, err := threatmodel.ReadInterviews(fstest.MapFS{c.file: {Data: []byte(strings.Replace(good, c.old, c.new, 1))}})
			require.ErrorContains(t, err, c.want)
		})
	}
}
