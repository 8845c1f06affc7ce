package detection_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"redoubt.example/services/platform/event"
	"redoubt.example/services/sentinel/internal/detection"
)

// repository is its root; services can't import the threat model, and read its rules as sentinel will: as files.
const repository = "../../../.."

// info is info.yml, as SigmaHQ has it below regression_data.
type info struct {
	Tests []struct {
		Name       string
		Type       string
		MatchCount int `yaml:"match_count"`
		Path       string
	} `yaml:"regression_tests_info"`
}

func readInfo(t testing.TB, folder string) (all info) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(repository, "threatmodel/detections", folder, "info.yml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(raw, &all))
	return all
}

// sample reads recorded events, one document a line.
func sample(t testing.TB, path string) (events []*event.Event) {
	t.Helper()
	file, err := os.Open(filepath.Join(repository, path))
	require.NoError(t, err)
	defer file.Close()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		var e event.Event
		require.NoError(t, json.Unmarshal(scanner.Bytes(), &e), path)
		events = append(events, &e)
	}
	require.NotEmpty(t, events, path)
	return events
}

func allRules(t testing.TB) *detection.Rules {
	t.Helper()
	rules, err := detection.Load(os.DirFS(filepath.Join(repository, "threatmodel/detections")))
	require.NoError(t, err)
	return rules
}

// raised counts the alerts of the rule in a folder, all rules being in force.
func raised(rules *detection.Rules, folder string, events []*event.Event) (n int) {
	e := detection.New(rules, detection.Defaults())
	var alerts []detection.Alert
	for _, ev := range events {
		alerts = append(alerts, e.Observe(context.Background(), ev)...)
	}
	for _, a := range append(alerts, e.Advance(events[len(events)-1].Time.Add(31*24*time.Hour))...) {
		if a.Rule.Folder == folder {
			n++
		}
	}
	return n
}

// TestDetections: each rule matches what was recorded of its attack as often as is said, and doesn't match what comes near it.
func TestDetections(t *testing.T) {
	rules := allRules(t)
	folders := map[string]int{}
	for _, r := range rules.All {
		if r.Alerts {
			folders[r.Folder]++
		}
	}
	require.GreaterOrEqual(t, len(folders), 25)
	for folder, n := range folders {
		t.Run(folder, func(t *testing.T) {
			require.Equal(t, 1, n, "one folder is one rule that raises alerts")
			matching, missing := 0, 0
			for _, c := range readInfo(t, folder).Tests {
				require.Equal(t, "ndjson", c.Type)
				require.Equal(t, c.MatchCount, raised(rules, folder, sample(t, c.Path)), c.Name)
				if c.MatchCount > 0 {
					matching++
				} else {
					missing++
				}
			}
			require.Positive(t, matching, "no recorded events that must match")
			require.Positive(t, missing, "no near miss")
		})
	}
}

// TestHonestUseRaisesNothing: a lab's start, half a minute of traffic, certificates and logins that are replaced.
func TestHonestUseRaisesNothing(t *testing.T) {
	rules := allRules(t)
	events := sample(t, "services/sentinel/internal/detection/testdata/honest.ndjson")
	require.Greater(t, len(events), 100)
	for _, r := range rules.All {
		if r.Alerts {
			require.Zero(t, raised(rules, r.Folder, events), r.Folder)
		}
	}
}

// TestAnHourOfHonestUseRaisesNothing: what was recorded comes again and again, each time later, for an hour by the events' own times.
// A sum that only grows, over minutes, would show.
func TestAnHourOfHonestUseRaisesNothing(t *testing.T) {
	recorded := sample(t, "services/sentinel/internal/detection/testdata/honest.ndjson")
	lasts := recorded[len(recorded)-1].Time.Sub(recorded[0].Time) + time.Second
	engine, count := detection.New(allRules(t), detection.Defaults()), 0
	var alerts []detection.Alert
	for later := time.Duration(0); later < time.Hour; later += lasts {
		for _, e := range recorded {
			again := *e
			again.ID, again.Time, again.Observed = fmt.Sprintf("%s-%s", e.ID, later), e.Time.Add(later), e.Time.Add(later)
			again.Fields = maps.Clone(e.Fields)
			if id := e.Text("http.request.id"); id != "" {
				again.Fields["http.request.id"] = fmt.Sprintf("%s-%s", id, later)
			}
			alerts = append(alerts, engine.Observe(t.Context(), &again)...)
			count++
		}
	}
	alerts = append(alerts, engine.Advance(recorded[0].Time.Add(31*24*time.Hour))...)
	for _, a := range alerts {
		t.Errorf("%s %s: %v", a.Rule.Folder, a.Rule.Title, a.Group)
	}
	require.EqualValues(t, count, engine.Stats().Events)
	require.Zero(t, engine.Stats().Duplicates)
	t.Logf("%d events in an hour, %d alerts", count, len(alerts))
}
