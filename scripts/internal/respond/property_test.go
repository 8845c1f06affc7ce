package respond_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/respond"
	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

// strict fails the test as soon as an action breaks what no sequence of alerts may bring about.
type strict struct {
	t testing.TB
	*world
	isolated map[string]bool
}

func (s *strict) Do(ctx context.Context, a respond.Action) error {
	if a.Kind == "isolate-service" {
		require.NotContains(s.t, threatmodel.Spared, a.Target)
		s.isolated[a.Target] = true
		require.Len(s.t, s.isolated, 1, "two services at once")
	}
	if a.Kind == "revoke-leases" {
		require.NotContains(s.t, threatmodel.Spared, a.Target)
	}
	require.NotEqual(s.t, "claimed-name", a.Target)
	require.NotContains(s.t, []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"}, a.Target)
	return s.world.Do(ctx, a)
}

func (s *strict) Undo(ctx context.Context, a respond.Action) error {
	delete(s.isolated, a.Target)
	return s.world.Undo(ctx, a)
}

// FuzzGuards: whatever alerts come, in whatever order, with whoever's approval, the gateway is never isolated, nor two services at
// once, nor does anything happen by itself more often than its runbook's rate.
func FuzzGuards(f *testing.F) {
	f.Add([]byte("notification sweeps, then inference, then the gateway"))
	f.Add([]byte{0, 0, 0, 1, 1, 1, 2, 2, 2, 200, 201, 202, 250, 251, 252})
	f.Add([]byte{10, 128, 128, 37, 221, 222, 223, 224, 225, 226})         // payments is isolated, then others would be
	f.Add([]byte{38, 38, 38, 38, 38, 38, 38, 38, 52, 52, 52, 52, 52, 52}) // the gateway
	f.Add([]byte(strings.Repeat("\x00\x01\x02\x03\xf0\xf1", 60)))
	rules := []string{"service_sweep", "lateral_movement", "transaction_forged", "flood", "tokens_forged", "model_extraction", "staff_route", "scope_escalation", "confused_deputy", "unknown"}
	f.Fuzz(func(t *testing.T, story []byte) {
		s := &strict{t: t, isolated: map[string]bool{}}
		var e *respond.Engine
		e, s.world = isolating(t, func(c *respond.Config) { c.Actions = s })
		for _, r := range []string{"revoke-principal", "revoke-credential", "renew-logins", "block-intruder"} {
			require.NoError(t, e.SetMode(r, threatmodel.Auto))
		}
		done := map[string][]time.Time{}
		runbooks := map[string]threatmodel.Runbook{}
		playbook, _ := known()
		for _, r := range playbook.Runbooks {
			runbooks[r.ID] = r
		}
		e.OnChange(func(r alert.Response) {
			if r.State != respond.Done || r.By != "auto" {
				return
			}
			done[r.Runbook] = append(done[r.Runbook], s.now)
			recent := 0
			for _, at := range done[r.Runbook] {
				if s.now.Sub(at) < runbooks[r.Runbook].Guard.Rate.Within {
					recent++
				}
			}
			require.LessOrEqual(t, recent, runbooks[r.Runbook].Guard.Rate.Most, r.Runbook)
		})
		var n int64
		for i, b := range story {
			ctx, id := t.Context(), fmt.Sprintf("r%d", int(b)%7+max(0, i/3-3))
			switch {
			case b >= 250:
				s.now = s.now.Add(time.Duration(b-249) * 7 * time.Minute)
				require.NoError(t, e.Tick(ctx))
			case b >= 240:
				_, _ = e.Approve(ctx, id, "ann")
			case b >= 230:
				_, _ = e.Undo(ctx, id, "ann")
			case b >= 220:
				_, _ = e.Order(ctx, "isolate-service", services[int(b)%len(services)], "ann", time.Hour)
			default:
				n++
				from := []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", fmt.Sprintf("203.0.113.%d", b)}
				require.NoError(t, e.Take(ctx, alert.Alert{Seq: n, Rule: rules[(int(b)+i)%len(rules)], Count: int(b), Time: s.now, Subject: alert.Subject{
					Reporter: services[i%len(services)], Caller: services[int(b)%len(services)], Claimed: "claimed-name",
					Principal: fmt.Sprintf("principal-%d", b), Token: fmt.Sprintf("token-%05d", b), Address: from[int(b)%len(from)]}}))
			}
			s.now = s.now.Add(time.Second)
		}
	})
}
