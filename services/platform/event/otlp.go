package event

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
)

// scope names who made the records, with the version of the schema that their attributes follow.
const scope = "redoubt.example/services/platform/event"

// ToOTLP makes one batch of events of one reporter ready for an OTLP receiver.
func ToOTLP(reporter string, events []*Event) (*logspb.ResourceLogs, error) {
	records := &logspb.ScopeLogs{Scope: &commonpb.InstrumentationScope{Name: scope, Version: ECSVersion}}
	for _, e := range events {
		if e.Reporter() != reporter {
			return nil, fmt.Errorf("event: one of %s among those of %s", e.Reporter(), reporter)
		}
		records.LogRecords = append(records.LogRecords, e.record())
	}
	return &logspb.ResourceLogs{
		Resource:  &resourcepb.Resource{Attributes: []*commonpb.KeyValue{attribute(Service, reporter)}},
		ScopeLogs: []*logspb.ScopeLogs{records},
	}, nil
}

func (e *Event) record() *logspb.LogRecord {
	r := &logspb.LogRecord{
		TimeUnixNano: uint64(e.Time.UnixNano()), //nolint:gosec // after 1970
		EventName:    e.Text(Dataset), SeverityText: e.Text("log.level"), SeverityNumber: severity(e.Text("log.level")),
		Attributes: []*commonpb.KeyValue{attribute("event.id", e.ID)},
	}
	if !e.Observed.IsZero() {
		r.ObservedTimeUnixNano = uint64(e.Observed.UnixNano()) //nolint:gosec // after 1970
	}
	for _, name := range Fields() {
		v, ok := e.Fields[name]
		switch {
		case !ok || name == Service || name == "log.level":
		case name == "trace.id":
			if id, err := hex.DecodeString(e.Text(name)); err == nil {
				r.TraceId = id
			}
		default:
			r.Attributes = append(r.Attributes, attribute(name, v))
		}
	}
	return r
}

// severity is the data model's for slog's levels, and PostgreSQL's.
func severity(level string) logspb.SeverityNumber {
	switch level {
	case "DEBUG":
		return logspb.SeverityNumber_SEVERITY_NUMBER_DEBUG
	case "INFO":
		return logspb.SeverityNumber_SEVERITY_NUMBER_INFO
	case "WARN":
		return logspb.SeverityNumber_SEVERITY_NUMBER_WARN
	case "ERROR":
		return logspb.SeverityNumber_SEVERITY_NUMBER_ERROR
	case "FATAL":
		return logspb.SeverityNumber_SEVERITY_NUMBER_FATAL
	}
	return logspb.SeverityNumber_SEVERITY_NUMBER_UNSPECIFIED
}

// ReporterOf is in whose name a batch is; "" in nobody's.
func ReporterOf(batch *logspb.ResourceLogs) (reporter string) {
	for _, a := range batch.GetResource().GetAttributes() {
		if a.GetKey() == Service {
			reporter = a.GetValue().GetStringValue()
		}
	}
	return reporter
}

// Unreadable is the error of a batch of which some records could not be read, and the others were.
type Unreadable struct {
	Records int
	First   error // why the first of them could not
}

func (u *Unreadable) Error() string { return fmt.Sprintf("%d unreadable: %v", u.Records, u.First) }

// FromOTLP reads a batch that was received at a time. Whose events they are is for the receiver to say, by the certificate of
// the connection: a batch that claims to be of anybody else than those who may report by it is refused as a whole. Of one that
// has bad records the good ones are returned, with an *Unreadable.
func FromOTLP(batch *logspb.ResourceLogs, received time.Time, mayReport ...string) (events []*Event, err error) {
	reporter := ReporterOf(batch)
	if !slices.Contains(mayReport, reporter) {
		return nil, fmt.Errorf("event: %q isn't among those for whom this connection reports", reporter)
	}
	var bad Unreadable
	for _, records := range batch.GetScopeLogs() {
		for _, r := range records.GetLogRecords() {
			e, err := fromRecord(r, reporter)
			if err != nil {
				bad.Records++
				bad.First = cmp.Or(bad.First, err)
				continue
			}
			e.Observed = received
			events = append(events, e)
		}
	}
	if bad.Records > 0 {
		return events, &bad
	}
	return events, nil
}

func fromRecord(r *logspb.LogRecord, reporter string) (*Event, error) {
	read := Event{Time: time.Unix(0, int64(r.GetTimeUnixNano())).UTC(), Fields: map[string]any{}} //nolint:gosec // a time from 1970 to 2262
	values := map[string]any{Service: reporter}
	if level := r.GetSeverityText(); level != "" {
		values["log.level"] = level
	}
	if id := r.GetTraceId(); len(id) > 0 {
		values["trace.id"] = hex.EncodeToString(id)
	}
	for _, a := range r.GetAttributes() {
		name, v := a.GetKey(), value(a.GetValue())
		switch {
		case name == "event.id":
			read.ID = text(v)
		case values[name] != nil:
			return nil, fmt.Errorf("event: %s is there twice", name)
		default:
			values[name] = v
		}
	}
	for name, v := range values {
		if err := read.take(name, v); err != nil {
			return nil, fmt.Errorf("event: %s: %w", name, err)
		}
	}
	var e Event
	return &e, read.complete(&e)
}

func attribute(name string, v any) *commonpb.KeyValue {
	a := &commonpb.AnyValue{}
	switch v := v.(type) {
	case int:
		a.Value = &commonpb.AnyValue_IntValue{IntValue: int64(v)}
	case string:
		a.Value = &commonpb.AnyValue_StringValue{StringValue: v}
	}
	if table[name].list {
		a = &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: []*commonpb.AnyValue{a}}}}
	}
	return &commonpb.KeyValue{Key: name, Value: a}
}

func value(v *commonpb.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_IntValue:
		return v.IntValue
	case *commonpb.AnyValue_ArrayValue:
		var all []any
		for _, one := range v.ArrayValue.GetValues() {
			all = append(all, value(one))
		}
		return all
	}
	return nil
}
