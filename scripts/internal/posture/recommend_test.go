package posture_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/posture"
	"redoubt.example/services/platform/alert"
)

const repository = "../../.."

var start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// everything is what is seen when all that is granted is used, for two hours.
func everything(t *testing.T) posture.Seen {
	t.Helper()
	top, err := topology.Load()
	require.NoError(t, err)
	seen := posture.Seen{Now: start.Add(2 * time.Hour)}
	for _, callee := range top.Names() {
		for _, r := range top.Services[callee].Routes {
			for _, caller := range r.Callers {
				seen.Flows = append(seen.Flows, alert.Flow{Caller: caller, Callee: callee, Route: r.Route, Count: 100, Proved: true, First: start, Last: seen.Now})
			}
		}
		for _, path := range top.Services[callee].Secrets {
			seen.Reads = append(seen.Reads, control.SecurityEvent{Who: callee, Path: path, Allowed: true})
		}
	}
	for name, job := range top.Jobs {
		for _, path := range job.Secrets {
			seen.Reads = append(seen.Reads, control.SecurityEvent{Who: name, Path: path, Allowed: true})
		}
	}
	return seen
}

func without(seen posture.Seen, gone func(alert.Flow) bool) posture.Seen {
	seen.Flows = slices.DeleteFunc(slices.Clone(seen.Flows), gone)
	return seen
}

var enough = posture.Enough{Time: time.Hour, Requests: 1000}

func TestTooLittleWasSeen(t *testing.T) {
	all := everything(t)
	for name, one := range map[string]struct {
		seen    posture.Seen
		missing string
	}{
		"nothing": {posture.Seen{}, "requests were seen for 0s: 1h0m0s are needed"},
		"a short time": {func() posture.Seen {
			s := without(all, func(alert.Flow) bool { return false })
			for i := range s.Flows {
				s.Flows[i].Last = start.Add(time.Minute)
			}
			return s
		}(), "requests were seen for 1m0s: 1h0m0s are needed (--observed)"},
		"few requests": {func() posture.Seen {
			s := without(all, func(alert.Flow) bool { return false })
			for i := range s.Flows {
				s.Flows[i].Count = 1
			}
			return s
		}(), "requests between services were seen: 1000 are needed (--requests)"},
		"an idle service": {without(all, func(f alert.Flow) bool { return f.Callee == "notification" }), "no request to notification was seen: it may only have been idle"},
		"no audit log":    {posture.Seen{Flows: all.Flows}, "no service asked Vault for anything, as far as its audit log is there"},
	} {
		p, err := posture.Recommend(repository, one.seen, enough)
		require.NoError(t, err, name)
		require.Contains(t, strings.Join(p.Missing, "\n"), one.missing, name)
		require.Empty(t, p.Patch, name)
		require.Empty(t, p.Lines, name)
	}
}

func TestAllIsUsed(t *testing.T) {
	p, err := posture.Recommend(repository, everything(t), enough)
	require.NoError(t, err)
	require.Empty(t, p.Missing)
	require.Empty(t, p.Lines)
	require.Empty(t, p.Patch)
}

// TestThePatch: it applies to a copy, topology.Parse takes what comes of it, every flow that was seen is allowed there, and what wasn't
// seen is no longer.
func TestThePatch(t *testing.T) {
	never := []string{ // "caller -> callee route"
		"gateway -> payments POST /v1/transfers/{id}/refund", "gateway -> payments PUT /v1/accounts/{owner}/state",
		"inference -> payments POST /v1/settlements", "ingestion -> payments POST /v1/authorizations/{id}/void",
		"gateway -> inference /redoubt.inference.v1.InferenceService/InferStream", "gateway -> notification POST /v1/webhook-sources",
	}
	gone := func(f alert.Flow) bool { return slices.Contains(never, f.Caller+" -> "+f.Callee+" "+f.Route) }
	seen := without(everything(t), gone)
	seen.Reads = slices.DeleteFunc(seen.Reads, func(e control.SecurityEvent) bool { return e.Who == "payments" && e.Path == "transit/rewrap/payments" })
	p, err := posture.Recommend(repository, seen, enough)
	require.NoError(t, err)
	require.Empty(t, p.Missing)
	for _, l := range p.Lines {
		require.NotEmpty(t, l.Basis)
		t.Logf("%s: %s (%s)", l.File, l.Change, l.Basis)
	}

	copied := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(copied, "infra"), os.DirFS(filepath.Join(repository, "infra"))))
	apply := exec.Command("git", "apply", "-p1", "-")
	apply.Dir, apply.Stdin = copied, strings.NewReader(p.Patch)
	out, err := apply.CombinedOutput()
	require.NoError(t, err, "%s\n%s", out, p.Patch)

	text, err := os.ReadFile(filepath.Join(copied, "infra/topology/topology.yaml"))
	require.NoError(t, err)
	after, err := topology.Parse(text)
	require.NoError(t, err)
	allowed := func(f alert.Flow) bool {
		r, ok := after.Route(f.Callee, f.Route)
		return ok && slices.Contains(r.Callers, f.Caller)
	}
	for _, f := range everything(t).Flows {
		require.Equal(t, !gone(f), allowed(f), "%s -> %s %s", f.Caller, f.Callee, f.Route)
	}
	require.False(t, slices.ContainsFunc(after.Edge, func(e topology.EdgeRoute) bool { return e.Route == "POST /v1/inferences:stream" }))
	require.NotContains(t, after.Services["payments"].Secrets, "transit/rewrap/payments")
	require.Contains(t, after.Services["payments"].Secrets, "transit/keys/policy")
	policy, err := os.ReadFile(filepath.Join(copied, "infra/controlplane/vault/policies/payments.hcl"))
	require.NoError(t, err)
	require.NotContains(t, string(policy), "transit/rewrap/payments")
	require.Contains(t, string(policy), "transit/datakey/plaintext/payments")
	require.Contains(t, string(text), "# Who may call whom, and for what: the one source.", "comments stay")
}

// TestNothingThatWasSeenIsTakenAway: what is proposed is checked before anybody sees it.
func TestNothingThatWasSeenIsTakenAway(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(repository, "infra/topology/topology.yaml"))
	require.NoError(t, err)
	flows := []alert.Flow{{Caller: "ingestion", Callee: "payments", Route: "POST /v1/settlements", Count: 1}}
	require.NoError(t, posture.Keeps(string(text), top, flows))
	less := strings.Replace(string(text), "POST /v1/settlements, callers: [ingestion, inference]", "POST /v1/settlements, callers: [inference]", 1)
	require.ErrorContains(t, posture.Keeps(less, top, flows), "ingestion -> payments POST /v1/settlements was seen, and would no longer be allowed")
	require.ErrorContains(t, posture.Keeps(less+"  nobody: [x:y]\nservices2: {}\n", top, flows), "don't fit together")
}
