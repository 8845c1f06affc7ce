package postgres_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/databasetest"
	"redoubt.example/services/platform/event"
	"redoubt.example/services/sentinel/internal/postgres"
)

func TestMain(m *testing.M) { os.Exit(databasetest.Main(m)) }

// open returns a store on an empty database.
func open(t testing.TB) (store *postgres.Store, app, owner *pgxpool.Pool) {
	t.Helper()
	app, owner = databasetest.Open(t, "sentinel", postgres.Migrations)
	_, err := owner.Exec(t.Context(), "SET ROLE sentinel_owner; TRUNCATE events, alerts, responses; RESET ROLE")
	require.NoError(t, err)
	return postgres.New(app), app, owner
}

var now = time.Now().UTC().Truncate(time.Microsecond)

func denied(id, reporter string, at time.Time) *event.Event {
	return &event.Event{ID: id, Time: at, Observed: now, Fields: map[string]any{
		event.Service: reporter, event.Dataset: event.Decision, event.Outcome: "failure", event.RuleID: "app.policy",
		event.Caller: "notification", "http.request.id": "r-" + id, "source.port": 4711,
	}}
}

// TestNothingIsEverChanged: whoever has the service's login adds and reads, and that is all.
func TestNothingIsEverChanged(t *testing.T) {
	s, app, _ := open(t)
	require.NoError(t, s.AddEvents(t.Context(), []*event.Event{denied("1", "payments", now)}))
	require.NoError(t, s.AddAlerts(t.Context(), []alert.Alert{{Seq: 1, ID: uuid.NewString(), Rule: "flood"}}))
	today := "events_" + now.Format("20060102")
	var refused []string
	for _, table := range []string{"events", "alerts", "responses", today} {
		refused = append(refused, "DELETE FROM "+table, "TRUNCATE "+table, "DROP TABLE "+table, "ALTER TABLE "+table+" ADD x int")
	}
	refused = append(refused,
		"UPDATE events SET service = 'gateway'", "UPDATE alerts SET rule = 'x'", "UPDATE responses SET alert = 'x'",
		"UPDATE "+today+" SET service = 'gateway'", "INSERT INTO "+today+" SELECT * FROM events", "SELECT FROM "+today,
		"ALTER TABLE events DETACH PARTITION "+today, "SELECT FROM schema_migrations", "CREATE TABLE t ()", "CREATE TEMPORARY TABLE t ()",
		"SET ROLE sentinel_owner", "CREATE ROLE r", "CREATE OR REPLACE FUNCTION keep_events(days integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
		"INSERT INTO events (key, at, reported, observed, id, service, dataset, fields) SELECT key, at, reported, observed, id, 'x', dataset, fields FROM events ON CONFLICT (key, at) DO UPDATE SET service = 'x'",
		"MERGE INTO events e USING alerts a ON true WHEN MATCHED THEN DELETE", "COPY events TO PROGRAM 'cat'")
	for _, sql := range refused {
		_, err := app.Exec(t.Context(), sql)
		require.ErrorContains(t, err, "42501", sql)
	}
	var n int
	require.NoError(t, app.QueryRow(t.Context(), "SELECT count(*) FROM events").Scan(&n))
	require.Equal(t, 1, n)
}

// TestRetentionHasAFloor: a sentinel that was taken over calls the function as it likes, and the last week stays.
func TestRetentionHasAFloor(t *testing.T) {
	s, _, owner := open(t)
	partition := func(daysAgo int) string { return "events_" + now.AddDate(0, 0, -daysAgo).Format("20060102") }
	for _, ago := range []int{5, 7, 8, 20} {
		from := now.AddDate(0, 0, -ago).Format(time.DateOnly)
		_, err := owner.Exec(t.Context(), fmt.Sprintf("SET ROLE sentinel_owner; CREATE TABLE %s PARTITION OF events FOR VALUES FROM ('%s') TO ('%s'); RESET ROLE",
			partition(ago), from, now.AddDate(0, 0, 1-ago).Format(time.DateOnly)))
		require.NoError(t, err)
	}
	left := func() string {
		rows, err := owner.Query(t.Context(), "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events'::regclass ORDER BY 1")
		require.NoError(t, err)
		defer rows.Close()
		var all []string
		for rows.Next() {
			var name string
			require.NoError(t, rows.Scan(&name))
			all = append(all, name)
		}
		return strings.Join(all, " ")
	}
	for _, c := range []struct {
		days, dropped int
		gone          []int
	}{{19, 1, []int{20}}, {-1_000_000, 1, []int{8}}, {0, 0, nil}} {
		dropped, err := s.KeepEvents(t.Context(), c.days)
		require.NoError(t, err)
		require.Equal(t, c.dropped, dropped, c.days)
		for _, ago := range c.gone {
			require.NotContains(t, left(), partition(ago))
		}
	}
	for _, ago := range []int{5, 7, 1, 0, -1, -2} {
		require.Contains(t, left(), partition(ago))
	}
	_, err := owner.Exec(t.Context(), fmt.Sprintf("SET ROLE sentinel_owner; DROP TABLE %s, %s; RESET ROLE", partition(5), partition(7)))
	require.NoError(t, err)
}

// TestTheSameEventIsOne: for its reporter; nobody keeps another's event out by using its ID first.
func TestTheSameEventIsOne(t *testing.T) {
	s, _, _ := open(t)
	first := denied("1", "payments", now)
	other := denied("1", "notification", now)
	require.NoError(t, s.AddEvents(t.Context(), []*event.Event{first, first, other}))
	again := *first
	again.Observed = now.Add(time.Minute)
	require.NoError(t, s.AddEvents(t.Context(), []*event.Event{&again, denied("2", "payments", now.Add(time.Second))}))
	all, err := s.Events(t.Context(), alert.EventQuery{Service: "payments"})
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, alert.Event{ID: "1", Time: now, Observed: now, Fields: map[string]any{
		event.Service: "payments", event.Dataset: event.Decision, event.Outcome: "failure", event.RuleID: "app.policy",
		event.Caller: "notification", "http.request.id": "r-1", "source.port": 4711.0,
	}}, utc(all[0]))
	require.Equal(t, "2", all[1].ID)
}

func utc(e alert.Event) alert.Event {
	e.Time, e.Observed = e.Time.UTC(), e.Observed.UTC()
	return e
}

// TestTimesOfNobodys: an event from another age is kept, under the time at which it came.
func TestTimesOfNobodys(t *testing.T) {
	s, _, _ := open(t)
	old, coming := denied("old", "payments", time.Unix(0, 0)), denied("coming", "payments", now.AddDate(200, 0, 0))
	require.NoError(t, s.AddEvents(t.Context(), []*event.Event{old, coming}))
	all, err := s.Events(t.Context(), alert.EventQuery{Since: now.Add(-time.Minute), Until: now.Add(time.Minute)})
	require.NoError(t, err)
	require.Len(t, all, 2)
	for _, e := range all {
		require.NotEqual(t, now, e.Time.UTC(), "what its reporter says is told")
	}
}

func TestEventsAreFound(t *testing.T) {
	s, _, _ := open(t)
	var events []*event.Event
	for i := range 300 {
		e := denied(fmt.Sprint(i), "payments", now.Add(time.Duration(i)*time.Second))
		if i == 7 {
			e.Fields[event.Service], e.Fields[event.Caller], e.Fields[event.RuleID], e.Fields[event.Dataset] = "ingestion", "gateway", "mesh.intention", event.Access
			e.Fields["user.hash"], e.Fields[event.Outcome] = "p1", "success"
		}
		events = append(events, e)
	}
	require.NoError(t, s.AddEvents(t.Context(), events))
	for name, c := range map[string]struct {
		query alert.EventQuery
		want  int
	}{
		"all, up to the usual limit": {alert.EventQuery{}, 200},
		"more":                       {alert.EventQuery{Limit: 1000}, 300},
		"request":                    {alert.EventQuery{Request: "r-12"}, 1},
		"service":                    {alert.EventQuery{Service: "ingestion"}, 1},
		"caller":                     {alert.EventQuery{Caller: "gateway"}, 1},
		"control":                    {alert.EventQuery{Control: "mesh.intention"}, 1},
		"dataset":                    {alert.EventQuery{Dataset: event.Access}, 1},
		"outcome":                    {alert.EventQuery{Outcome: "success"}, 1},
		"principal":                  {alert.EventQuery{Principal: "p1"}, 1},
		"since":                      {alert.EventQuery{Since: now.Add(290 * time.Second)}, 10},
		"until":                      {alert.EventQuery{Until: now.Add(10 * time.Second)}, 10},
		"both of two":                {alert.EventQuery{Service: "payments", Principal: "p1"}, 0},
		"what looks like SQL":        {alert.EventQuery{Service: "x' OR true --"}, 0},
	} {
		all, err := s.Events(t.Context(), c.query)
		require.NoError(t, err, name)
		require.Len(t, all, c.want, name)
		for i := 1; i < len(all); i++ {
			require.False(t, all[i].Time.Before(all[i-1].Time), "the oldest first")
		}
	}
}

func TestAlertsAreKept(t *testing.T) {
	s, _, _ := open(t)
	a := alert.Alert{Seq: 1, ID: uuid.NewString(), Rule: "flood", Title: "Flood", Level: "high", Threats: []string{"T-017"}, Raised: now, Count: 3,
		Subject: alert.Subject{Reporter: "gateway", Address: "192.0.2.1"}}
	b := a
	b.Seq, b.ID = 2, uuid.NewString()
	require.NoError(t, s.AddAlerts(t.Context(), []alert.Alert{a, b}))
	require.NoError(t, s.AddAlerts(t.Context(), []alert.Alert{b}), "a second attempt after a lost answer")
	all, err := s.LatestAlerts(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, []alert.Alert{a, b}, all)
	all, err = s.LatestAlerts(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, []alert.Alert{b}, all)
}

func TestResponsesAreKept(t *testing.T) {
	s, _, _ := open(t)
	r := alert.Response{ID: "r1", Alert: "a1", Runbook: "isolate", Action: "isolate-service", Target: "notification", State: "done", By: "auto", Time: now, Expires: now.Add(time.Hour)}
	undone := r
	undone.State, undone.Time = "undone", now.Add(time.Minute)
	require.NoError(t, s.AddResponse(t.Context(), r))
	require.NoError(t, s.AddResponse(t.Context(), undone))
	all, err := s.LatestResponses(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, []alert.Response{r, undone}, all, "each state that it was in")
}
