package httpapi

import (
	"net/url"
	"strconv"
	"time"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/fault"
)

const (
	maxWait  = 30 * time.Second
	maxLimit = 10_000
	maxValue = 256
)

// query reads the parameters of a query string, each at most once. What isn't read is a mistake.
type query struct {
	values url.Values
	err    error
}

func (q *query) text(name string) string {
	all := q.values[name]
	delete(q.values, name)
	switch {
	case len(all) == 0:
		return ""
	case len(all) > 1 || len(all[0]) > maxValue:
		q.bad(name, "is given twice, or is too long")
	}
	return all[0]
}

func (q *query) number(name string, most int64) int64 {
	text := q.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > most {
		q.bad(name, "is no number from 0 to "+strconv.FormatInt(most, 10))
	}
	return n
}

func (q *query) duration(name string, most time.Duration) time.Duration {
	text := q.text(name)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > most {
		q.bad(name, "is no duration from 0s to "+most.String())
	}
	return d
}

func (q *query) time(name string) time.Time {
	text := q.text(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		q.bad(name, "is no time (RFC 3339)")
	}
	return t
}

func (q *query) bad(name, what string) {
	if q.err == nil {
		q.err = fault.New(fault.Invalid, "the parameter %s %s", name, what)
	}
}

func (q *query) end() error {
	for name := range q.values {
		q.bad(strconv.Quote(name), "isn't known")
	}
	return q.err
}

func alertQuery(values url.Values) (alert.Query, error) {
	q := query{values: values}
	read := alert.Query{After: q.number("after", 1<<62), Wait: q.duration("wait", maxWait), Since: q.time("since"), Rule: q.text("rule")}
	return read, q.end()
}

func eventQuery(values url.Values) (alert.EventQuery, error) {
	q := query{values: values}
	read := alert.EventQuery{
		Request: q.text("request"), Service: q.text("service"), Principal: q.text("principal"), Control: q.text("control"),
		Caller: q.text("caller"), Dataset: q.text("dataset"), Outcome: q.text("outcome"),
		Since: q.time("since"), Until: q.time("until"), Limit: int(q.number("limit", maxLimit)),
	}
	return read, q.end()
}
