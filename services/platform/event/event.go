// Package event is the platform's security events: what a control decided, a request as the access log has it, a secret
// or a certificate that was given out, a policy that was loaded. Each is a record of OpenTelemetry's log data model
// (opentelemetry-specification v1.55.0, specification/logs/data-model.md; on the wire opentelemetry-proto v1.11.0,
// logs.proto), whose attributes have the field names of the Elastic Common Schema 9.4.0 (github.com/elastic/ecs,
// generated/csv/fields.csv). What neither has a name for is below "redoubt.".
//
// Events are made of the lines that services, Vault, Consul and PostgreSQL write anyway. Only fields that are in the
// table get into one: an attribute that somebody adds to a log line is in no event until it is entered there.
package event

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"redoubt.example/services/platform/telemetry"
)

// ECSVersion is that of the Elastic Common Schema to which the fields' names belong.
const ECSVersion = "9.4.0"

// Event is one security event.
type Event struct {
	// ID is the same for the same event, however often it is sent.
	ID       string
	Time     time.Time
	Observed time.Time // when it was received; zero: it wasn't yet
	// Fields hold texts and whole numbers (int), by the names in the table.
	Fields map[string]any
}

// Reporter is the workload that says what happened.
func (e *Event) Reporter() string { return e.Text(Service) }

// Text is a field's value as text; "" where there is none.
func (e *Event) Text(field string) string {
	switch v := e.Fields[field].(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	}
	return ""
}

// maxText is the longest value that is kept, in bytes: what is in an event may have been chosen by an attacker.
const maxText = 256

// set enters a value, unless it is empty. Texts are cut, and what looks like a credential is taken out.
func (e *Event) set(field string, value any) {
	if v, ok := value.(string); ok {
		if value = clean(v); value == "" {
			return
		}
	}
	e.Fields[field] = value
}

func clean(text string) string {
	text = strings.ToValidUTF8(telemetry.Redact(text), "\uFFFD") // or it can't be sent
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "")
}

var name = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// named is a name that somebody gave himself, if it is one that a workload can have.
func named(text string) string {
	if text == "" || name.MatchString(text) {
		return text
	}
	return other
}

// other stands for what isn't among what is expected, as in OpenTelemetry's http.request.method.
const other = "_OTHER"

// identify gives the event an ID that follows from the record it was made of.
func identify(reporter string, record []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s", len(reporter), reporter)
	h.Write(record)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// MarshalJSON writes the event as an Elastic Common Schema document with dotted names.
func (e *Event) MarshalJSON() ([]byte, error) {
	doc := map[string]any{"@timestamp": e.Time.UTC().Format(time.RFC3339Nano), "ecs.version": ECSVersion, "event.id": e.ID}
	if !e.Observed.IsZero() {
		doc["event.ingested"] = e.Observed.UTC().Format(time.RFC3339Nano)
	}
	for name, v := range e.Fields {
		if table[name].list {
			v = []any{v}
		}
		doc[name] = v
	}
	return json.Marshal(doc)
}

// UnmarshalJSON reads such a document. A field that isn't in the table, or has another type, is an error.
func (e *Event) UnmarshalJSON(raw []byte) error {
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return err
	}
	var err error
	read := Event{Fields: map[string]any{}}
	for name, v := range doc {
		switch name {
		case "@timestamp":
			read.Time, err = time.Parse(time.RFC3339Nano, text(v))
		case "event.ingested":
			read.Observed, err = time.Parse(time.RFC3339Nano, text(v))
		case "event.id":
			read.ID = text(v)
		case "ecs.version":
			if v != ECSVersion {
				err = fmt.Errorf("it is of version %v of the Elastic Common Schema, not %s", v, ECSVersion)
			}
		default:
			err = read.take(name, v)
		}
		if err != nil {
			return fmt.Errorf("event: %s: %w", name, err)
		}
	}
	return read.complete(e)
}

// take enters a value that came from outside.
func (e *Event) take(name string, v any) error {
	f, ok := table[name]
	if !ok {
		return fmt.Errorf("no event has this field")
	}
	if f.list {
		values, ok := v.([]any)
		if !ok || len(values) != 1 {
			return fmt.Errorf("a list of one is needed")
		}
		v = values[0]
	}
	switch n := v.(type) {
	case float64:
		if v = int(n); float64(int(n)) != n {
			return fmt.Errorf("%v is no whole number", n)
		}
	case int64:
		v = int(n)
	}
	s, isText := v.(string)
	if _, isNumber := v.(int); isNumber != f.number || isText == f.number {
		return fmt.Errorf("%v isn't of its type", v)
	}
	if isText && (s == "" || s != clean(s)) {
		return fmt.Errorf("it is empty, too long, or has a credential in it")
	}
	e.Fields[name] = v
	return nil
}

func (e *Event) complete(into *Event) error {
	if e.ID == "" || e.Time.IsZero() || e.Reporter() == "" || e.Text(Dataset) == "" {
		return fmt.Errorf("event: without ID, time, %s or %s it is none", Service, Dataset)
	}
	*into = *e
	return nil
}

func text(v any) string { s, _ := v.(string); return s }
