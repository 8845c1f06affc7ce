package anomaly_test

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
)

// record has a recorded run written anew from the logs of a lab: honest-steady=FOLDER,attacks-suite=FOLDER. What a run's name begins
// with says what it was.
var record = flag.String("record", "", "write testdata/<name>.ndjson.gz from the logs in a folder: name=folder,...")

// pair is who did something to whom: what an attack and an anomaly have in common.
type pair struct{ caller, callee string }

// run is a recorded one: its events, and the pairs of which attacks were.
type run struct {
	name   string
	events []*event.Event
}

// attacked are the pairs by which the attack suite caused the events of a run, each with the number of events: a service, not a
// user, was refused something by the mesh or by another service. An honest run has none.
func (r run) attacked() map[pair]int {
	all := map[pair]int{}
	for _, e := range r.events {
		caller := e.Text(event.Caller)
		if e.Text(event.Dataset) == event.Decision && e.Text(event.Outcome) == "failure" && caller != "" && caller != "none" && caller != "gateway" && caller != "outside" {
			all[pair{caller, e.Reporter()}]++
		}
	}
	return all
}

// TestPrecisionAndRecall prints both, for the figures in the README: of the alerts, how many are about a pair that an attack was
// of; of these pairs, about how many there is an alert. Honest load raises none at all.
func TestPrecisionAndRecall(t *testing.T) {
	files, err := filepath.Glob("testdata/*.ndjson.gz")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var right, raised, found, attacked int
	for _, file := range files {
		r := read(t, file)
		alerts := replay(t, r.events)
		truth := r.attacked()
		hit := map[pair]bool{}
		for _, a := range alerts {
			who := pair{a.Subject.Caller, a.Subject.Reporter}
			if truth[who] > 0 {
				right++
				hit[who] = true
			}
			t.Logf("%s: %s %s: %s", r.name, a.Rule, a.Level, a.Reason)
		}
		for who := range truth {
			if !hit[who] {
				t.Logf("%s: missed: %s -> %s", r.name, who.caller, who.callee)
			}
		}
		raised, found, attacked = raised+len(alerts), found+len(hit), attacked+len(truth)
		span := r.events[len(r.events)-1].Time.Sub(r.events[0].Time).Round(time.Second)
		t.Logf("%s: %d events in %s, %d alerts, %d pairs attacked", r.name, len(r.events), span, len(alerts), len(truth))
		if strings.HasPrefix(r.name, "honest") {
			require.Empty(t, truth, "%s: it isn't honest", r.name)
			require.Empty(t, reasons(alerts), r.name)
		}
	}
	require.NotZero(t, attacked)
	precision, recall := float64(right)/float64(raised), float64(found)/float64(attacked)
	t.Logf("precision %.3f (%d of %d alerts), recall %.3f (%d of %d pairs)", precision, right, raised, recall, found, attacked)
	require.GreaterOrEqual(t, precision, leastPrecision)
	require.GreaterOrEqual(t, recall, leastRecall)
}

// replay has a baseline of its own observe a run.
func replay(t *testing.T, events []*event.Event) (alerts []alert.Alert) {
	t.Helper()
	b := baseline(t)
	for _, e := range events {
		alerts = append(alerts, b.Observe(t.Context(), e)...)
	}
	return append(alerts, b.Advance(events[len(events)-1].Time.Add(time.Minute))...)
}

func read(t *testing.T, path string) run {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	require.NoError(t, err)
	r := run{name: strings.TrimSuffix(filepath.Base(path), ".ndjson.gz")}
	for lines := bufio.NewScanner(unpacked); lines.Scan(); {
		e := new(event.Event)
		require.NoError(t, json.Unmarshal(lines.Bytes(), e))
		e.Observed = e.Time
		r.events = append(r.events, e)
	}
	return r
}

// kept are the fields that a baseline reads.
var kept = []string{event.Dataset, event.Service, event.Caller, event.RuleID, event.Outcome, "http.route", "http.response.status_code", "http.response.bytes", "event.duration"}

func TestRecord(t *testing.T) {
	if *record == "" {
		t.Skip("runs are recorded with -record")
	}
	for one := range strings.SplitSeq(*record, ",") {
		name, folder, _ := strings.Cut(one, "=")
		files, err := filepath.Glob(filepath.Join(folder, "*.log"))
		require.NoError(t, err)
		require.NotEmpty(t, files, folder)
		var events []*event.Event
		for _, path := range files {
			events = append(events, logged(t, path)...)
		}
		slices.SortStableFunc(events, func(a, b *event.Event) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
		var packed bytes.Buffer
		pack, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		require.NoError(t, err)
		for i, e := range events {
			e.ID = strconv.Itoa(i)
			maps.DeleteFunc(e.Fields, func(field string, _ any) bool { return !slices.Contains(kept, field) })
			doc, err := json.Marshal(e)
			require.NoError(t, err)
			_, err = pack.Write(append(doc, '\n'))
			require.NoError(t, err)
		}
		require.NoError(t, pack.Close())
		require.NoError(t, os.WriteFile(filepath.Join("testdata", name+".ndjson.gz"), packed.Bytes(), 0o644))
		t.Logf("%s: %d events, %d bytes", name, len(events), packed.Len())
	}
}

// logged are the events of a log that a baseline looks at.
func logged(t *testing.T, path string) (events []*event.Event) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		e, ok := event.FromLog(lines.Bytes())
		if ok && (e.Text(event.Dataset) == event.Access || e.Text(event.Dataset) == event.Decision) {
			events = append(events, e)
		}
	}
	require.NoError(t, lines.Err())
	return events
}

// What the recorded runs give, less a little: services/sentinel/README.md says how much.
const leastPrecision, leastRecall = 0.75, 0.9
