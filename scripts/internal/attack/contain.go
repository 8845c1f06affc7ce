package attack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/respond"
	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

// containWithin is how long after an alert the first attempt may be refused for what was done about it; then nobody waits any more.
const containWithin = 5 * time.Second

// Answer is what was done about an attack's alert.
type Answer struct {
	Runbook string `json:"runbook,omitempty"` // "": none answers the rule
	Action  string `json:"action,omitempty"`
	// By is "auto", or "attack": what a guard leaves to a person, such as the third isolation in an hour, this run approves at once.
	By string `json:"by,omitempty"`
	// DoneMS is from the attack's first step until all of it was done; null where nothing was. What lasts may refuse an attempt before.
	DoneMS *float64 `json:"done_ms"`
	// None is why no attempt is refused for it: no runbook answers the rule, a guard refused, or what was done isn't of that kind.
	None string `json:"none,omitempty"`
	// Missed: something that lasts was done, and the attacker went on.
	Missed bool `json:"missed,omitempty"`
}

// pursuit has the lab's runbooks act by themselves while an attack goes on, and for each response goes on as the attacker would, with
// what he has, until he is refused for it.
type pursuit struct {
	p      *player
	before control.Responses // what to go back to
	began  time.Time
	after  int64 // the last alert before
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	chases []*chase
}

// pursued tells whether an attack's responses are measured: not those of one that is about responses.
func pursued(a attacks.Attack) bool {
	return a.Needs != attacks.NeedsResponse && a.Needs != attacks.NeedsContained
}

func (p *player) pursue(ctx context.Context) (*pursuit, error) {
	before, err := p.lab.Client.Responses(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask what answers alerts: %w", err)
	}
	for _, r := range before.Runbooks {
		if err := p.lab.Client.SetRunbookMode(ctx, r.ID, threatmodel.Auto); err != nil {
			return nil, err
		}
	}
	u := &pursuit{p: p, before: before, began: time.Now(), after: p.lab.Detector.last}
	within, cancel := context.WithCancel(ctx)
	u.cancel = cancel
	u.wg.Go(func() { u.listen(within) })
	return u, nil
}

// listen begins a chase for each response that an alert may come to, as soon as the alert is raised.
func (u *pursuit) listen(ctx context.Context) {
	after := u.after
	for ctx.Err() == nil {
		raised, err := u.p.lab.Detector.Alerts(ctx, alert.Query{After: after, Wait: 20 * time.Second})
		if err != nil {
			pause(ctx)
			continue // what isn't heard isn't chased, and find says so
		}
		for _, r := range raised {
			after = max(after, r.Seq)
			if r.Time.Before(u.began) {
				continue
			}
			for _, book := range u.p.lab.Detector.answers(r.Rule) {
				for _, step := range book.Steps {
					u.chase(ctx, r, book.ID, respond.Action{Kind: step.Action, Target: respond.Target(step, r.Subject)})
				}
			}
		}
	}
}

func (u *pursuit) chase(ctx context.Context, r alert.Alert, runbook string, a respond.Action) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if a.Target == "" || slices.ContainsFunc(u.chases, func(c *chase) bool { return c.action == a }) {
		return
	}
	w, err := newWatch(u.p.lab.Logs)
	if err != nil {
		return
	}
	c := &chase{p: u.p, rule: r.Rule, runbook: runbook, action: a, known: ids(u.before.Responses), watch: w}
	u.chases = append(u.chases, c)
	ctx, cancel := context.WithDeadline(ctx, r.Raised.Add(containWithin))
	u.wg.Go(func() {
		defer cancel()
		c.run(ctx)
	})
}

func ids(all []respond.Entry) map[string]bool {
	known := map[string]bool{}
	for _, e := range all {
		known[e.ID] = true
	}
	return known
}

// end waits for the chases, enters into the attack's alert what came of them, and undoes everything. It tells whether something that
// lasts was done: then it may have cut the attack short.
func (u *pursuit) end(ctx context.Context, found *Alert) (interfered bool, err error) {
	if found == nil { // the attack broke
		found = &Alert{}
	}
	for deadline := found.raised.Raised.Add(containWithin); time.Now().Before(deadline) && !u.settled(found); {
		select {
		case <-time.After(tryAgain):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	u.cancel()
	u.wg.Wait()
	for _, c := range u.chases {
		interfered = interfered || c.entry.State == respond.Done && threatmodel.Actions[c.action.Kind].Lasts
	}
	switch {
	case found.DetectMS != nil:
		found.Response, found.ContainMS = u.came(found)
	case found.Rule != "":
		found.Response = &Answer{None: u.missing(found)}
	}
	return interfered, u.undo(ctx)
}

// settled tells whether every chase is over, and the alert's own were begun.
func (u *pursuit) settled(found *Alert) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.chases) == 0 {
		return u.missing(found) != "" // no chase is to come
	}
	return !slices.ContainsFunc(u.chases, func(c *chase) bool { return !c.over.Load() })
}

// missing says why an alert comes to no response at all; "" if it may.
func (u *pursuit) missing(found *Alert) string {
	d := u.p.lab.Detector
	switch books := d.answers(found.Rule); {
	case found.Rule == "":
		return "there is no alert"
	case found.Already:
		return "its rule is silent for a while, since the alert before"
	case len(books) == 0:
		return cmp.Or(d.Playbook.Unanswered[found.Rule], "no runbook answers the rule")
	case !slices.ContainsFunc(books, func(r threatmodel.Runbook) bool {
		return slices.ContainsFunc(r.Steps, func(s threatmodel.Step) bool { return respond.Target(s, found.raised.Subject) != "" })
	}):
		return "the alert has no proved " + books[0].Steps[0].Target
	}
	return ""
}

// came is what was done about an attack, and how long after its first step an attempt was refused for it. Of several responses it is
// the one that refused first; else one that is said to; else the first.
func (u *pursuit) came(found *Alert) (*Answer, *float64) {
	since := func(at time.Time) *float64 {
		ms := float64(at.Sub(found.first).Microseconds()) / 1000
		return &ms
	}
	if len(u.chases) == 0 {
		return &Answer{None: cmp.Or(u.missing(found), "nothing was done in time")}, nil
	}
	var best *chase
	for _, c := range u.chases {
		if best == nil || c.better(best) {
			best = c
		}
	}
	answer := &Answer{Runbook: best.runbook, Action: best.action.Kind, By: best.entry.By, None: best.none()}
	if best.entry.State == respond.Done {
		answer.DoneMS = since(best.entry.Time)
	}
	if !best.refused.IsZero() {
		return answer, since(best.refused)
	}
	answer.Missed = answer.None == ""
	return answer, nil
}

// undo puts the runbooks back, and takes back what was done, so that the next attack and honest users start clean.
func (u *pursuit) undo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWithin)
	defer cancel()
	errs := []error{u.p.answered(ctx, u.before)}
	for _, c := range u.chases {
		if c.action.Kind == isolate && c.entry.State == respond.Done {
			errs = append(errs, u.p.await(ctx, c.action.Target))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("undo what was done about the attack: %w", err)
	}
	return nil
}

// answers are the runbooks that a rule's alert triggers.
func (d *Detector) answers(rule string) []threatmodel.Runbook {
	i := slices.IndexFunc(d.Rules, func(one threatmodel.Detection) bool { return one.Name == rule })
	if i < 0 {
		return nil
	}
	return d.Playbook.Answers(d.Rules[i])
}
