package ship

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"redoubt.example/services/platform/event"
	"redoubt.example/services/platform/telemetry"
)

const (
	// round is how often it is looked whether there is anything to send. Nobody who writes a line wakes the goroutine that does:
	// that would take longer than all the rest, ten times and more.
	round = 200 * time.Millisecond
	// heartbeat is how often a process says that it is there.
	heartbeat = 5 * time.Second
	// A batch that wasn't taken waits from firstPause to longestPause, each time twice as long.
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
	// patience is how long sentinel may take for one; lastPatience the same if the process ends and it was away before.
	patience     = 5 * time.Second
	lastPatience = 200 * time.Millisecond
)

func (s *Shipper) run() {
	defer close(s.ended)
	defer s.to.close()
	defer s.giveUp()
	tick := time.NewTicker(round)
	defer tick.Stop()
	for say, said := "alive", time.Now(); ; say = "" {
		if time.Since(said) >= heartbeat {
			say, said = "alive", time.Now()
		}
		for s.next(say) {
			say = ""
		}
		select {
		case <-tick.C:
		case <-s.stop:
			for s.next("ending") {
			}
			return
		}
	}
}

func (s *Shipper) stopping() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// wait returns when the time is over, or the process ends.
func (s *Shipper) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.stop:
	}
}

// next sends the oldest lines, and what the shipper has to say besides. It returns whether there are more.
func (s *Shipper) next(say string) (more bool) {
	lines, more := s.buffer.take()
	events := s.events(lines)
	s.buffer.release(lines)
	count, lost := len(events), s.loss.take()
	for r, n := range lost {
		if n > 0 {
			events = append(events, s.say("events lost", "reason", reason(r).String(), "count", n))
		}
	}
	if say == "alive" || say == "ending" && !more {
		events = append(events, s.say(say))
	}
	if len(events) == 0 {
		return more
	}
	switch err := s.send(events); {
	case err == nil:
		return more
	case errors.As(err, new(*rejection)):
		s.loss.add(refused, count)
	default:
		s.loss.add(atEnd, count)
		more = false
	}
	s.loss.untake(lost)
	return more
}

// say makes an event of what the shipper itself has to say.
func (s *Shipper) say(message string, attrs ...any) *event.Event {
	var line bytes.Buffer
	telemetry.NewLogger(&line, s.cfg.Node, "info").Info(message, attrs...)
	e, _ := event.FromLog(line.Bytes())
	return e
}

// events makes events of lines. Sending must not be what there is to send: that sentinel was sent events is none, and that it doesn't
// let us in is one until it does.
func (s *Shipper) events(lines []byte) (all []*event.Event) {
	for line := range bytes.Lines(lines) {
		e, ok := event.FromLog(line)
		switch {
		case !ok || e.Reporter() != s.cfg.Workload:
			continue
		case e.Text(event.Dataset) == event.Access && e.Text("http.route") == "POST "+path:
			continue
		case e.Text(event.Action) == "refused-by-upstream" && e.Text("service.target.name") == Sentinel:
			if s.refused || e.Time.Before(s.taken) {
				continue
			}
			s.refused = true
		}
		all = append(all, e)
	}
	return all
}

// send tries until sentinel has taken the events, refuses them for what they are (a *rejection), or the process ends: then once more.
func (s *Shipper) send(events []*event.Event) error {
	batch, err := event.ToOTLP(s.cfg.Workload, events)
	if err != nil {
		return &rejection{err.Error()}
	}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		last, wait := s.stopping(), patience
		if last && s.away {
			wait = lastPatience
		}
		ctx, cancel := context.WithTimeout(s.ctx, wait)
		bad, err := s.to.post(ctx, batch)
		cancel()
		s.note(err)
		var later *tryLater
		switch {
		case err == nil:
			s.sent.Add(float64(len(events) - bad))
			s.loss.add(refused, bad)
			s.refused, s.taken = false, time.Now()
			return nil
		case last || errors.As(err, new(*rejection)):
			return err
		case errors.As(err, &later):
			pause = max(pause, later.after)
		}
		s.wait(pause*9/10 + rand.N(pause/5)) // not all at once
	}
}

// note says in the log when sending begins to fail, and when it works again.
func (s *Shipper) note(err error) {
	switch {
	case err != nil && !s.away:
		s.log.Warn("events aren't taken by sentinel; they wait", "error", err.Error())
	case err == nil && s.away:
		s.log.Info("events are taken by sentinel again")
	}
	s.away = err != nil
}

// giveUp counts what is left when the process ends.
func (s *Shipper) giveUp() {
	for more := true; more; {
		var lines []byte
		lines, more = s.buffer.take()
		s.loss.add(atEnd, len(s.events(lines)))
	}
	var n int64
	for _, lost := range s.loss.take() {
		n += lost
	}
	if n > 0 {
		s.log.Warn("events were lost, and sentinel wasn't told", "count", n)
	}
}
