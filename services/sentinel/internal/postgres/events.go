package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
)

// Whoever reports says when something happened. Outside of this an event is filed under the time at which it was received: there
// may be no partition for another, and nobody chooses when his is dropped.
const (
	late  = 24 * time.Hour
	early = time.Hour
)

func filed(e *event.Event) time.Time {
	if e.Time.Before(e.Observed.Add(-late)) || e.Time.After(e.Observed.Add(early)) {
		return e.Observed
	}
	return e.Time
}

// keyOf is the same for the same event of the same reporter, and for no other.
func keyOf(e *event.Event) (key [16]byte) {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s%s", len(e.Reporter()), e.Reporter(), e.ID)
	copy(key[:], h.Sum(nil))
	return key
}

// AddEvents implements archive.Store. COPY would be a little faster, but it can't pass over what is there already: a batch that is
// sent again after a lost answer would fail as a whole.
func (s *Store) AddEvents(ctx context.Context, events []*event.Event) error {
	var c columns
	for _, e := range events {
		if err := c.add(e); err != nil {
			return err
		}
	}
	_, err := s.pool.Exec(ctx, `INSERT INTO events (key, at, reported, observed, id, service, dataset, outcome, request, control, caller, principal, fields)
		SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
			$10::text[], $11::text[], $12::text[], $13::jsonb[]) ON CONFLICT DO NOTHING`,
		c.key, c.at, c.reported, c.observed, c.id, c.text[event.Service], c.text[event.Dataset], c.text[event.Outcome], c.text[request],
		c.text[event.RuleID], c.text[event.Caller], c.text[principal], c.fields)
	return asFault(err)
}

const (
	request   = "http.request.id"
	principal = "user.hash"
)

// columns are the values of a batch, a list for each column.
type columns struct {
	key                    [][16]byte
	at, reported, observed []time.Time
	id                     []string
	text                   map[string][]*string
	fields                 [][]byte
}

func (c *columns) add(e *event.Event) error {
	fields, err := json.Marshal(e.Fields)
	if err != nil {
		return fmt.Errorf("store event: %w", err)
	}
	c.key, c.id = append(c.key, keyOf(e)), append(c.id, e.ID)
	c.at, c.reported, c.observed = append(c.at, filed(e)), append(c.reported, e.Time), append(c.observed, e.Observed)
	c.fields = append(c.fields, fields)
	if c.text == nil {
		c.text = map[string][]*string{}
	}
	for _, name := range []string{event.Service, event.Dataset, event.Outcome, request, event.RuleID, event.Caller, principal} {
		var value *string // NULL where there is none
		if v := e.Text(name); v != "" {
			value = &v
		}
		c.text[name] = append(c.text[name], value)
	}
	return nil
}

const defaultLimit = 200

// Events returns those that a query selects, oldest first.
func (s *Store) Events(ctx context.Context, q alert.EventQuery) ([]alert.Event, error) {
	var where []string
	var args []any
	also := func(condition string, value any) {
		args = append(args, value)
		where = append(where, fmt.Sprintf(condition, len(args)))
	}
	for column, value := range map[string]string{"request": q.Request, "service": q.Service, "principal": q.Principal, "control": q.Control,
		"caller": q.Caller, "dataset": q.Dataset, "outcome": q.Outcome} {
		if value != "" {
			also(column+" = $%d", value)
		}
	}
	if !q.Since.IsZero() {
		also("at >= $%d", q.Since)
	}
	if !q.Until.IsZero() {
		also("at < $%d", q.Until)
	}
	text := "SELECT id, reported, observed, fields FROM events"
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	limit := q.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	args = append(args, limit)
	rows, err := s.pool.Query(ctx, fmt.Sprintf("%s ORDER BY at, key LIMIT $%d", text, len(args)), args...)
	if err != nil {
		return nil, asFault(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[alert.Event])
	return all, asFault(err)
}
