package main

import (
	"context"
	"time"

	"redoubt.example/scripts/internal/logfile"
	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
)

// What happened a moment ago may still be on its way to sentinel's store: a story that is as young as fresh is read again, until it
// hasn't grown for a while.
const (
	fresh  = 3 * time.Second
	settle = 400 * time.Millisecond
)

// story is one request across all services, as sentinel keeps it, in order; none where sentinel can't be asked, or doesn't know it.
func (a *app) story(ctx context.Context, id string) (lines []logfile.Line) {
	client, err := a.sentinel()
	if err != nil {
		return nil
	}
	for {
		events, err := client.Events(ctx, alert.EventQuery{Request: id, Limit: maxEvents})
		if err != nil || len(events) == 0 {
			return nil
		}
		grown := len(events) > len(lines)
		lines = lines[:0]
		for _, e := range events {
			lines = append(lines, asLine(e))
		}
		if !grown || time.Since(events[len(events)-1].Time) > fresh {
			return lines
		}
		select {
		case <-ctx.Done():
			return lines
		case <-time.After(settle):
		}
	}
}

// asLine is an event as the line of a log: what has a name there has it here.
func asLine(e alert.Event) logfile.Line {
	l := logfile.Line{Component: field(e, "service.node.name"), Time: e.Time, Fields: map[string]any{}}
	if l.Component == "" {
		l.Component = field(e, event.Service)
	}
	for name := range e.Fields {
		l.Fields[name] = field(e, name)
	}
	for name, is := range map[string]string{event.Action: "msg", event.Reason: "reason", "log.level": "level", "http.request.id": "request_id",
		event.Service: "", "service.node.name": ""} {
		if v, ok := l.Fields[name]; ok && is != "" {
			l.Fields[is] = v
		}
		delete(l.Fields, name)
	}
	return l
}
