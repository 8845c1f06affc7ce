package respond_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/respond"
	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

// world is what actions are done to, with a clock of its own.
type world struct {
	now   time.Time
	force map[string]bool // "kind target"
	did   []string
	fail  error
}

func (w *world) Do(_ context.Context, a respond.Action) error {
	w.did = append(w.did, "do "+a.Kind+" "+a.Target)
	if w.fail != nil {
		return w.fail
	}
	w.force[a.Kind+" "+a.Target] = true
	return nil
}

func (w *world) Undo(_ context.Context, a respond.Action) error {
	w.did = append(w.did, "undo "+a.Kind+" "+a.Target)
	if w.fail != nil {
		return w.fail
	}
	delete(w.force, a.Kind+" "+a.Target)
	return nil
}

var services = []string{"gateway", "ingestion", "inference", "payments", "notification", "modelstore", "sentinel"}

// known is the platform's own threat model.
var known = sync.OnceValues(func() (threatmodel.Playbook, []threatmodel.Detection) {
	threats, err := threatmodel.Load()
	if err != nil {
		panic(err)
	}
	detections, err := threatmodel.Detections(threats)
	if err != nil {
		panic(err)
	}
	playbook, err := threatmodel.Runbooks(detections)
	if err != nil {
		panic(err)
	}
	return playbook, detections
})

// start returns an engine with the platform's own runbooks, and its world.
func start(t testing.TB, most threatmodel.Mode, change ...func(*respond.Config)) (*respond.Engine, *world) {
	t.Helper()
	playbook, detections := known()
	w := &world{now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC), force: map[string]bool{}}
	cfg := respond.Config{Playbook: playbook, Detections: detections, Actions: w, Most: most, Services: services,
		Shared: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")},
		Staff:  []string{"hash-of-carol"}, Now: func() time.Time { return w.now }}
	for _, f := range change {
		f(&cfg)
	}
	e, err := respond.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e, w
}

var seq int64

// raise has the engine take an alert that happened now.
func raise(t testing.TB, e *respond.Engine, w *world, rule string, count int, s alert.Subject) {
	t.Helper()
	seq++
	require.NoError(t, e.Take(t.Context(), alert.Alert{Seq: seq, ID: fmt.Sprint("a", seq), Rule: rule, Count: count, Time: w.now, Raised: w.now, Subject: s}))
}

// last is the newest response; its absence fails the test.
func last(t testing.TB, e *respond.Engine) respond.Entry {
	t.Helper()
	all := e.List()
	require.NotEmpty(t, all)
	return all[0]
}

const reaches = "notification_reaches_payments"

func notification() alert.Subject { return alert.Subject{Reporter: "payments", Caller: "notification"} }

// isolating is an engine that isolates by itself.
func isolating(t testing.TB, change ...func(*respond.Config)) (*respond.Engine, *world) {
	e, w := start(t, threatmodel.Auto, change...)
	require.NoError(t, e.SetMode("isolate-service", threatmodel.Auto))
	return e, w
}

func TestNothingIsDone(t *testing.T) {
	outsider := func(address string) alert.Subject { return alert.Subject{Reporter: "gateway", Address: address} }
	for name, c := range map[string]struct {
		rule    string
		count   int
		subject alert.Subject
		state   string // "": there is no response at all
		reason  string
	}{
		"a rule that nobody knows":       {"made_up", 99, notification(), "", ""},
		"an anomaly":                     {"anomaly.rate", 99, notification(), "", ""},
		"a rule that nothing answers":    {"overload", 99, notification(), "", ""},
		"a name that is only claimed":    {reaches, 9, alert.Subject{Reporter: "payments", Claimed: "notification"}, "", ""},
		"the gateway":                    {"service_sweep", 9, alert.Subject{Reporter: "payments", Caller: "gateway"}, "refused", "never done to gateway"},
		"sentinel":                       {"service_sweep", 9, alert.Subject{Reporter: "payments", Caller: "sentinel"}, "refused", "never done to sentinel"},
		"who is no service":              {"service_sweep", 9, alert.Subject{Reporter: "payments", Caller: "consul"}, "refused", "no service of ours"},
		"a job":                          {"service_sweep", 9, alert.Subject{Reporter: "payments", Caller: "payments-migrate"}, "refused", "no service of ours"},
		"on notification's word":         {"lateral_movement", 9, alert.Subject{Reporter: "notification", Caller: "ingestion"}, "proposed", "on the word of notification alone"},
		"on nobody's word":               {"lateral_movement", 9, alert.Subject{Caller: "ingestion"}, "proposed", "on the word of nobody alone"},
		"the lab's own address":          {"flood", 99, outsider("127.0.0.1"), "refused", "honest users share"},
		"the same as IPv6":               {"flood", 99, outsider("::ffff:127.0.0.1"), "refused", "honest users share"},
		"what is no address":             {"flood", 99, outsider("everybody"), "refused", "no client's address"},
		"all addresses":                  {"flood", 99, outsider("0.0.0.0"), "refused", "no client's address"},
		"too little evidence":            {"flood", 2, outsider("203.0.113.7"), "refused", "2 of 3 events"},
		"an address by a service's word": {"flood", 99, alert.Subject{Reporter: "notification", Address: "203.0.113.7"}, "proposed", "on the word of notification alone"},
		"staff":                          {"model_extraction", 9, alert.Subject{Reporter: "gateway", Principal: "hash-of-carol"}, "proposed", "the principal is staff"},
		"a principal that is no hash":    {"model_extraction", 9, alert.Subject{Reporter: "gateway", Principal: "x"}, "refused", "no name that a verified token"},
		"a runbook that only proposes":   {"staff_route", 9, alert.Subject{Reporter: "gateway", Principal: "hash-of-dave"}, "proposed", "the runbook proposes"},
	} {
		t.Run(name, func(t *testing.T) {
			e, w := isolating(t)
			raise(t, e, w, c.rule, c.count, c.subject)
			require.Empty(t, w.did)
			if c.state == "" {
				require.Empty(t, e.List())
				return
			}
			require.Equal(t, c.state, last(t, e).State)
			require.Contains(t, last(t, e).Reason, c.reason)
			raise(t, e, w, c.rule, c.count, c.subject)
			require.Len(t, e.List(), 1, "the same isn't said twice")
		})
	}
}

func TestOff(t *testing.T) {
	e, w := start(t, threatmodel.Off)
	raise(t, e, w, reaches, 1, notification())
	raise(t, e, w, "flood", 99, alert.Subject{Reporter: "gateway", Address: "203.0.113.7"})
	require.Empty(t, e.List())
}

func TestProposeIsAsFarAsTheLabGoes(t *testing.T) {
	e, w := start(t, threatmodel.Propose)
	raise(t, e, w, "flood", 99, alert.Subject{Reporter: "gateway", Address: "203.0.113.7"})
	require.Equal(t, respond.Proposed, last(t, e).State)
	require.Empty(t, w.did)
	require.NoError(t, e.SetMode("block-address", threatmodel.Auto))
	raise(t, e, w, "flood", 99, alert.Subject{Reporter: "gateway", Address: "203.0.113.8"})
	require.Equal(t, respond.Done, last(t, e).State)
}

func TestAnOldAlert(t *testing.T) {
	e, w := isolating(t)
	seq++
	require.NoError(t, e.Take(t.Context(), alert.Alert{Seq: seq, Rule: reaches, Count: 1, Time: w.now.Add(-time.Hour), Subject: notification()}))
	require.Equal(t, respond.Proposed, last(t, e).State)
	require.Contains(t, last(t, e).Reason, "1h0m0s ago")
}

func TestIsolateAndUndo(t *testing.T) {
	e, w := isolating(t)
	var told []string
	e.OnChange(func(r alert.Response) { told = append(told, r.State) })
	raise(t, e, w, reaches, 1, notification())
	done := last(t, e)
	require.Equal(t, respond.Done, done.State)
	require.Equal(t, "auto", done.By)
	require.Equal(t, w.now.Add(time.Hour), done.Expires)
	require.True(t, w.force["isolate-service notification"])

	require.NoError(t, e.Take(t.Context(), alert.Alert{Seq: seq, Rule: reaches, Count: 1, Time: w.now, Subject: notification()}))
	raise(t, e, w, "service_compromised", 2, notification())
	require.Len(t, e.List(), 1, "an alert that comes again, and one about who is isolated, do nothing")

	raise(t, e, w, "service_sweep", 3, alert.Subject{Reporter: "payments", Caller: "inference"})
	second := last(t, e)
	require.Equal(t, respond.Proposed, second.State)
	require.Contains(t, second.Reason, "notification is isolated already")
	_, err := e.Approve(t.Context(), second.ID, "ann")
	require.ErrorContains(t, err, "one service at a time")
	_, err = e.Order(t.Context(), "isolate-service", "ingestion", "ann", time.Hour)
	require.ErrorContains(t, err, "one service at a time")

	undone, err := e.Undo(t.Context(), done.ID, "ann")
	require.NoError(t, err)
	require.Equal(t, "ann", undone.By)
	require.Empty(t, w.force)
	_, err = e.Undo(t.Context(), done.ID, "ann")
	require.ErrorContains(t, err, "nothing to undo")

	approved, err := e.Approve(t.Context(), second.ID, "ann")
	require.NoError(t, err)
	require.Equal(t, "ann", approved.By)
	require.True(t, w.force["isolate-service inference"])
	require.Equal(t, []string{"done", "proposed", "undone", "done"}, told)
	_, err = e.Approve(t.Context(), second.ID, "ann")
	require.ErrorContains(t, err, "waits for nobody's approval")
}

func TestOrdersThatAreRefused(t *testing.T) {
	e, w := isolating(t)
	for _, c := range []struct{ kind, to, why string }{
		{"isolate-service", "gateway", "never done to gateway"},
		{"block-address", "127.0.0.1", "honest users share"},
		{"shoot", "notification", "no such action"},
		{"rotate-key", "root", "no such key"},
	} {
		_, err := e.Order(t.Context(), c.kind, c.to, "ann", time.Hour)
		require.ErrorContains(t, err, c.why)
		var input *respond.ErrInput
		require.ErrorAs(t, err, &input)
	}
	_, err := e.Order(t.Context(), "block-address", "203.0.113.7", "ann", 0)
	require.ErrorContains(t, err, "for how long")
	_, err = e.Undo(t.Context(), "r99", "ann")
	require.ErrorContains(t, err, "no response")
	require.ErrorContains(t, e.SetMode("nothing", threatmodel.Auto), "no runbook")
	require.ErrorContains(t, e.SetMode("isolate-service", "always"), "off, propose or auto")
	require.Empty(t, w.did)
	_, err = e.Order(t.Context(), "block-address", "203.0.113.7", "ann", time.Hour)
	require.NoError(t, err)
	require.True(t, w.force["block-address 203.0.113.7"])
}

func TestExpiry(t *testing.T) {
	e, w := isolating(t)
	raise(t, e, w, "flood", 99, alert.Subject{Reporter: "gateway", Address: "203.0.113.7"})
	require.NoError(t, e.SetMode("isolate-service", threatmodel.Propose))
	raise(t, e, w, reaches, 1, notification())
	w.now = w.now.Add(10*time.Minute - 1)
	require.NoError(t, e.Tick(t.Context()))
	require.True(t, w.force["block-address 203.0.113.7"])
	w.now = w.now.Add(1)
	w.fail = errors.New("the gateway is away")
	require.Error(t, e.Tick(t.Context()))
	w.fail = nil
	require.NoError(t, e.Tick(t.Context()), "at the next tick")
	require.Empty(t, w.force)
	require.Equal(t, respond.Expired, e.List()[1].State)
	require.Equal(t, respond.Proposed, e.List()[0].State)
	w.now = w.now.Add(time.Hour)
	require.NoError(t, e.Tick(t.Context()))
	require.Equal(t, respond.Expired, e.List()[0].State)
}

// TestRates: what one subject uses up is missing to no other, nor one runbook's to another's.
func TestRates(t *testing.T) {
	e, w := isolating(t)
	from := func(n int) alert.Subject {
		return alert.Subject{Reporter: "gateway", Address: fmt.Sprintf("203.0.113.%d", n)}
	}
	for range 5 { // done, expired, done again
		raise(t, e, w, "flood", 99, from(1))
		w.now = w.now.Add(11 * time.Minute)
		require.NoError(t, e.Tick(t.Context()))
	}
	require.Equal(t, respond.Proposed, e.List()[0].State)
	require.Contains(t, e.List()[0].Reason, "3 times to the same within 1h")
	raise(t, e, w, "flood", 99, from(2))
	require.True(t, w.force["block-address 203.0.113.2"])
	for n := 3; n < 250; n++ {
		raise(t, e, w, "flood", 99, from(n))
	}
	require.Len(t, w.force, 60)
	require.Contains(t, last(t, e).Reason, "60 times within 10m")
	require.LessOrEqual(t, len(e.List()), 60+4+50, "what waits for a person is bounded")
	raise(t, e, w, reaches, 1, notification())
	require.True(t, w.force["isolate-service notification"], "a flood from outside keeps nobody from isolating")
}

func TestFailureIsTriedAgain(t *testing.T) {
	e, w := isolating(t)
	w.fail = errors.New("Vault is away")
	raise(t, e, w, reaches, 1, notification())
	require.Equal(t, respond.Failed, last(t, e).State)
	require.Contains(t, last(t, e).Reason, "Vault is away")
	raise(t, e, w, "service_sweep", 3, alert.Subject{Reporter: "payments", Caller: "inference"})
	require.Equal(t, respond.Proposed, last(t, e).State, "what failed may be half done")
	w.fail = nil
	w.now = w.now.Add(3 * time.Second)
	require.NoError(t, e.Tick(t.Context()))
	require.Equal(t, respond.Done, e.List()[1].State)
	require.True(t, w.force["isolate-service notification"])
}

func TestStepsWithoutTargetAreLeftOut(t *testing.T) {
	e, w := isolating(t)
	require.NoError(t, e.SetMode("revoke-credential", threatmodel.Auto))
	raise(t, e, w, "scope_escalation", 4, alert.Subject{Reporter: "gateway", APIKey: "abcdefghij", Address: "127.0.0.1"})
	require.Equal(t, []string{"do revoke-api-key abcdefghij"}, w.did)
	raise(t, e, w, "transaction_forged", 1, alert.Subject{Reporter: "ingestion", Caller: "gateway"})
	require.Contains(t, w.did, "do rotate-key token-key", "it needs no subject")
	entry := e.List()[0]
	_, err := e.Undo(t.Context(), entry.ID, "ann")
	require.ErrorContains(t, err, "doesn't last")
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "responses")
	kept := func(run string) func(*respond.Config) {
		return func(c *respond.Config) { c.Journal, c.Run = path, run }
	}
	e, w := isolating(t, kept("one"))
	raise(t, e, w, reaches, 1, notification())
	raise(t, e, w, "staff_route", 9, alert.Subject{Reporter: "gateway", Principal: "hash-of-dave"})
	took := seq
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	for range 2 { // the second reads what the first has written anew
		again, world := start(t, threatmodel.Propose, kept("one"))
		require.Equal(t, took, again.Seq())
		require.Equal(t, e.List(), again.List())
		require.Equal(t, threatmodel.Auto, again.Modes()["isolate-service"], "what somebody set stays set")
		require.NoError(t, again.Resume(t.Context()))
		require.True(t, world.force["isolate-service notification"])
		require.NoError(t, again.Take(t.Context(), alert.Alert{Seq: took, Rule: "service_sweep", Count: 3, Time: world.now, Subject: alert.Subject{Reporter: "payments", Caller: "inference"}}))
		require.Len(t, again.List(), 2)
		e = again
	}
	_, err = e.Undo(t.Context(), e.List()[1].ID, "ann")
	require.NoError(t, err)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(raw, `{"entry":{"id":"r9"`...), 0o600))
	cutOff, _ := start(t, threatmodel.Auto, kept("one"))
	require.Equal(t, respond.Undone, cutOff.List()[1].State)

	another, _ := start(t, threatmodel.Auto, kept("two"))
	require.Empty(t, another.List(), "a new lab knows nothing of the one before")
	require.NoError(t, os.WriteFile(path, []byte("{\"run\":\"one\"}\nnonsense\n{\"seq\":1}\n"), 0o600))
	_, err = respond.New(respond.Config{Journal: path, Run: "one", Most: threatmodel.Off})
	require.ErrorContains(t, err, "line 2")
}

// TestKilledWhileActing: what was begun is known, counts as in force, and is done again.
func TestKilledWhileActing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "responses")
	var e *respond.Engine
	kept := func(c *respond.Config) { c.Journal, c.Run = path, "one" }
	e, _ = isolating(t, kept, func(c *respond.Config) { c.Actions = killed{t, path} })
	w := &world{now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	raise(t, e, w, reaches, 1, notification())
	require.NoError(t, os.Rename(path+".then", path))
	next, world := start(t, threatmodel.Auto, kept)
	_, err := next.Order(t.Context(), "isolate-service", "inference", "ann", time.Hour)
	require.ErrorContains(t, err, "notification is isolated already")
	require.NoError(t, next.Resume(t.Context()))
	require.True(t, world.force["isolate-service notification"])
	require.Equal(t, respond.Done, last(t, next).State)
}

// killed keeps the journal as it is while the action is under way.
type killed struct {
	t    *testing.T
	path string
}

func (k killed) Do(context.Context, respond.Action) error {
	raw, err := os.ReadFile(k.path)
	require.NoError(k.t, err)
	require.NoError(k.t, os.WriteFile(k.path+".then", raw, 0o600))
	return nil
}
func (killed) Undo(context.Context, respond.Action) error { return nil }
