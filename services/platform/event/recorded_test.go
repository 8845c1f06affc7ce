package event_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"redoubt.example/services/platform/event"
)

// sources are the mappings, by the file in testdata with lines that a lab has logged: honest ones, and those of attacks.
var sources = map[string]func([]byte) (*event.Event, bool){
	"services.log": event.FromLog, "vault.log": event.FromVault, "postgres.log": event.FromPostgres, "consul.log": event.FromConsul,
}

// recorded returns the events that the lines of testdata are, by file, and the lines that are none.
func recorded(t *testing.T) (events map[string][]*event.Event, others map[string][]string) {
	t.Helper()
	events, others = map[string][]*event.Event{}, map[string][]string{}
	for name, from := range sources {
		for _, line := range lines(t, name) {
			if e, ok := from([]byte(line)); ok {
				events[name] = append(events[name], e)
			} else {
				others[name] = append(others[name], line)
			}
		}
	}
	return events, others
}

func lines(t testing.TB, name string) (all []string) {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name))
	require.NoError(t, err)
	defer file.Close()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		all = append(all, scanner.Text())
	}
	return all
}

func TestRecordedLinesSurviveTheWire(t *testing.T) {
	received := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	all, _ := recorded(t)
	for name, events := range all {
		require.NotEmpty(t, events, name)
		for _, e := range events {
			batch, err := event.ToOTLP(e.Reporter(), []*event.Event{e})
			require.NoError(t, err)
			raw, err := proto.Marshal(batch)
			require.NoError(t, err)
			var arrived logspb.ResourceLogs
			require.NoError(t, proto.Unmarshal(raw, &arrived))
			back, err := event.FromOTLP(&arrived, received, "nobody", e.Reporter())
			require.NoError(t, err)
			want := *e
			want.Time, want.Observed = want.Time.UTC(), received
			require.Equal(t, []*event.Event{&want}, back)

			doc, err := json.Marshal(back[0])
			require.NoError(t, err)
			var again event.Event
			require.NoError(t, json.Unmarshal(doc, &again))
			require.Equal(t, want, again)
		}
	}
}

// TestEveryFieldIsRecorded: the table lists what events have, not what they might have. What only an attack on load, or one with
// another control off, brings about isn't among these lines.
func TestEveryFieldIsRecorded(t *testing.T) {
	seen := map[string]bool{}
	all, _ := recorded(t)
	for _, events := range all {
		for _, e := range events {
			for name := range e.Fields {
				seen[name] = true
			}
		}
	}
	for _, name := range event.Fields() {
		require.True(t, seen[name], "no recorded line has %s", name)
	}
	require.Len(t, seen, len(event.Fields()), "a field that the table doesn't have")
}

// TestIDs: the same line is the same event, another one isn't.
func TestIDs(t *testing.T) {
	seen := map[string]string{}
	for name, from := range sources {
		for _, line := range lines(t, name) {
			e, ok := from([]byte(line))
			if !ok {
				continue
			}
			twice, _ := from([]byte(line))
			require.Equal(t, e.ID, twice.ID)
			require.NotEqual(t, line, seen[e.ID])
			require.Empty(t, seen[e.ID], "two lines are one event")
			seen[e.ID] = line
		}
	}
}
