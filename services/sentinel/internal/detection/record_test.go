package detection_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/event"
	"redoubt.example/services/sentinel/internal/detection"
)

// record has the samples of all rules written anew from what a lab has logged: folders with its logs and Vault's audit log,
// separated by commas.
var record = flag.String("record", "", "write the rules' samples from the logs in these folders")

// honest has the events of honest use written anew, too, from the logs of a lab that nobody attacks.
var honest = flag.String("honest", "", "write testdata/honest.ndjson from the logs in this folder")

// mostHonest is how many events of honest use are kept.
const mostHonest = 300

// TestRecordHonest keeps what is different first: a start, logins, rotations; then requests, as they came.
func TestRecordHonest(t *testing.T) {
	if *honest == "" {
		t.Skip("samples are written with -honest")
	}
	var events []*event.Event
	for folder := range strings.SplitSeq(*honest, ",") {
		events = append(events, logged(t, folder)...)
	}
	slices.SortStableFunc(events, func(a, b *event.Event) int { return a.Time.Compare(b.Time) })
	rules, alerts := allRules(t), 0
	for _, r := range rules.All {
		if r.Alerts {
			alerts += raised(rules, r.Folder, events)
		}
	}
	t.Logf("%d events, %d alerts", len(events), alerts)
	kept := different(events, mostHonest)
	for _, e := range events {
		if len(kept) < mostHonest && !slices.Contains(kept, e) {
			kept = append(kept, e)
		}
	}
	slices.SortStableFunc(kept, func(a, b *event.Event) int { return a.Time.Compare(b.Time) })
	write(t, "testdata/honest.ndjson", kept)
}

// TestRecord picks, for each rule, the fewest recorded events that raise its alert; without one of them, and with others that
// come near, they are the near miss.
func TestRecord(t *testing.T) {
	if *record == "" {
		t.Skip("samples are written with -record")
	}
	var events []*event.Event
	for folder := range strings.SplitSeq(*record, ",") {
		events = append(events, logged(t, folder)...)
	}
	slices.SortStableFunc(events, func(a, b *event.Event) int { return a.Time.Compare(b.Time) })
	t.Logf("%d events", len(events))
	files, err := filepath.Glob(filepath.Join(repository, "threatmodel/detections/*/rule.yml"))
	require.NoError(t, err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		rules, err := detection.Parse(raw)
		require.NoError(t, err, file)
		folder := filepath.Dir(file)
		match, miss := pick(rules, events)
		if match == nil {
			t.Errorf("%s: nothing that was recorded raises it", folder)
			continue
		}
		write(t, filepath.Join(folder, "match.ndjson"), match)
		write(t, filepath.Join(folder, "near_miss.ndjson"), miss)
		setCount(t, folder, raised(rules, "", match))
	}
}

// logged reads all that was logged into a folder.
func logged(t *testing.T, folder string) (events []*event.Event) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.log"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		from := event.FromLog
		switch filepath.Base(path) {
		case "vault-audit.log", "audit.log":
			from = event.FromVault
		case "postgres.log":
			from = event.FromPostgres
		case "consul.log":
			from = event.FromConsul
		}
		file, err := os.Open(path)
		require.NoError(t, err)
		scanner := bufio.NewScanner(file)
		scanner.Buffer(nil, 4<<20)
		for scanner.Scan() {
			if e, ok := from(bytes.Clone(scanner.Bytes())); ok {
				events = append(events, e)
			}
		}
		require.NoError(t, scanner.Err())
		require.NoError(t, file.Close())
	}
	return events
}

// mostSamples is how many events a rule on single events is shown.
const mostSamples = 3

func pick(rules *detection.Rules, events []*event.Event) (match, miss []*event.Event) {
	var own, others []*event.Event
	for _, e := range events {
		if rules.Matched(e) {
			own = append(own, e)
		} else {
			others = append(others, e)
		}
	}
	top := rules.All[slices.IndexFunc(rules.All, func(r *detection.Rule) bool { return r.Alerts })]
	if len(own) == 0 || raised(rules, "", own) == 0 {
		return nil, nil
	}
	if top.Correlated() {
		match = fewest(rules, own)
		miss = slices.Clone(match[:len(match)-1])
	} else {
		match = different(own, mostSamples)
	}
	miss = append(miss, different(nearest(match[0], others), mostSamples)...)
	slices.SortStableFunc(miss, func(a, b *event.Event) int { return a.Time.Compare(b.Time) })
	return match, miss
}

// fewest leaves out what isn't needed for an alert: the first half as long as that goes, then single events.
func fewest(rules *detection.Rules, events []*event.Event) []*event.Event {
	enough := func(some []*event.Event) bool { return len(some) > 0 && raised(rules, "", some) > 0 }
	for n := len(events); n > 0; n /= 2 {
		for i := 0; i+n <= len(events); {
			if without := slices.Concat(events[:i], events[i+n:]); enough(without) {
				events = without
			} else {
				i += n
			}
		}
	}
	return events
}

// different returns the first events that tell different things.
func different(events []*event.Event, most int) (some []*event.Event) {
	seen := map[string]bool{}
	for _, e := range events {
		says := fmt.Sprint(e.Fields[event.RuleID], e.Fields[event.Reason], e.Fields[event.Action], e.Fields[event.Outcome], e.Fields["http.response.status_code"])
		if !seen[says] && len(some) < most {
			seen[says] = true
			some = append(some, e)
		}
	}
	return some
}

// nearest sorts events by how much they have in common with one.
func nearest(one *event.Event, events []*event.Event) []*event.Event {
	common := func(e *event.Event) (n int) {
		for name, v := range one.Fields {
			if e.Fields[name] == v {
				n++
			}
		}
		return n
	}
	sorted := slices.Clone(events)
	slices.SortStableFunc(sorted, func(a, b *event.Event) int { return common(b) - common(a) })
	return sorted
}

func write(t *testing.T, path string, events []*event.Event) {
	t.Helper()
	var out bytes.Buffer
	for _, e := range events {
		doc, err := json.Marshal(e)
		require.NoError(t, err)
		out.Write(append(doc, '\n'))
	}
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o644))
}

var firstCount = regexp.MustCompile(`match_count: [1-9][0-9]*`)

func setCount(t *testing.T, folder string, n int) {
	t.Helper()
	path := filepath.Join(folder, "info.yml")
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, firstCount.ReplaceAll(raw, fmt.Appendf(nil, "match_count: %d", n)), 0o644))
}
