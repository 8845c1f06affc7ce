package posture_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/attack"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/posture"
	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/controls"
)

// good are the facts of a lab of which nothing bad is to be said.
func good(t *testing.T) posture.Facts {
	t.Helper()
	top, err := topology.Load()
	require.NoError(t, err)
	now := start.Add(2 * time.Hour)
	began, ends := now.Add(-10*time.Minute), now.Add(50*time.Minute)
	f := posture.Facts{Now: now, Topology: top, Controls: controls.All(), Health: &alert.Health{}, Flows: everything(t).Flows,
		Status:  control.Status{Engine: control.Process, Mode: "sidecar"},
		Survey:  control.Survey{Listening: 30},
		Secrets: []control.Secret{{Kind: "mesh certificate", Holder: "payments", ID: "1", Began: &began, Expires: &ends}},
		History: map[string]attack.Entry{}, Probes: []posture.Probe{{Method: "GET", Path: "/metrics", Status: 404}},
	}
	for _, c := range controls.All() {
		f.History["some.attack "+c.ID] = attack.Entry{Result: attack.Result{ID: "some.attack", Verdict: attack.Blocked, BlockedBy: c.ID}, Time: now.Add(-time.Hour)}
	}
	return f
}

func TestNothingToFind(t *testing.T) {
	r := posture.Judge(good(t), posture.DefaultLimits)
	require.Empty(t, r.Findings)
	require.Equal(t, 100, r.Score)
	require.True(t, r.Good(100))
	require.InDelta(t, 100, r.Coverage.Percent, 0)
	require.Equal(t, r.Coverage.Edges, r.Coverage.Proved)
}

// TestEachIsFound: each thing that is judged is broken once, and found, weighed and named.
func TestEachIsFound(t *testing.T) {
	for name, one := range map[string]struct {
		spoil func(*posture.Facts)
		want  posture.Finding // without Mend
		score int
	}{
		"drift that gives more": {func(f *posture.Facts) {
			f.Survey.Drift = []controlplane.Difference{{Server: "consul", Kind: "intention", Name: "notification -> payments", Wider: true, Found: "it is allowed", Mend: "x"}}
		}, posture.Finding{Weight: posture.Critical, Kind: "drift", Where: "consul intention notification -> payments", What: "it is allowed"}, 60},
		"drift that gives less": {func(f *posture.Facts) {
			f.Survey.Drift = []controlplane.Difference{{Server: "vault", Kind: "policy", Name: "payments", Found: "it is gone", Mend: "x"}}
		}, posture.Finding{Weight: posture.Medium, Kind: "drift", Where: "vault policy payments", What: "it is gone"}, 95},
		"a listener": {func(f *posture.Facts) {
			f.Survey.Listeners = []control.Listener{{Protocol: "tcp", Address: "0.0.0.0:4444", Component: "notification", UID: 61003, PIDs: []int{77}, Found: "notification listens on tcp 0.0.0.0:4444, which nothing declares"}}
		}, posture.Finding{Weight: posture.Critical, Kind: "listener", Where: "notification", What: "notification listens on tcp 0.0.0.0:4444, which nothing declares (pid 77, uid 61003)"}, 60},
		"a control that is off": {func(f *posture.Facts) { f.Status.ControlsOff = []string{"edge.waf"} },
			posture.Finding{Weight: posture.Critical, Kind: "control off", Where: "edge.waf", What: "the control edge.waf is off"}, 60},
		"an edge without a certificate": {func(f *posture.Facts) {
			f.Flows = append(f.Flows, alert.Flow{Caller: "ingestion", Callee: "payments", Route: "POST /v1/settlements", Count: 7})
		}, posture.Finding{Weight: posture.Critical, Kind: "plaintext", Where: "ingestion -> payments POST /v1/settlements", What: "ingestion -> payments POST /v1/settlements: 7 requests of a caller that no certificate proves"}, 60},
		"an edge that isn't listed": {func(f *posture.Facts) {
			f.Flows = append(f.Flows, alert.Flow{Caller: "notification", Callee: "payments", Route: "POST /v1/transfers", Count: 9, Refused: 2, Proved: true})
		}, posture.Finding{Weight: posture.Critical, Kind: "shadow edge", Where: "notification -> payments POST /v1/transfers", What: "notification -> payments POST /v1/transfers was served 7 times, and topology.yaml doesn't list it"}, 60},
		"a route that nobody published": {func(f *posture.Facts) {
			f.Probes = append(f.Probes, posture.Probe{Method: "GET", Path: "/debug/vars", Status: 200})
		},
			posture.Finding{Weight: posture.Critical, Kind: "shadow route", Where: "GET /debug/vars", What: "the gateway answers GET /debug/vars with status 200, and neither topology.yaml nor openapi.yaml has it"}, 60},
		"a secret without an end": {func(f *posture.Facts) {
			f.Secrets = append(f.Secrets, control.Secret{Kind: "API key", Holder: "user alice", ID: "x"})
		},
			posture.Finding{Weight: posture.High, Kind: "static secret", Where: "API key of user alice", What: "API key of user alice lasts until somebody revokes it"}, 85},
		"a secret that lasts": {func(f *posture.Facts) {
			began, ends := f.Now, f.Now.Add(30*24*time.Hour)
			f.Secrets = append(f.Secrets, control.Secret{Kind: "API key", Holder: "user alice", ID: "x", Began: &began, Expires: &ends})
		}, posture.Finding{Weight: posture.Medium, Kind: "static secret", Where: "API key of user alice", What: "API key of user alice lasts 720h0m0s: longer than 168h0m0s"}, 95},
		"a certificate that isn't renewed": {func(f *posture.Facts) {
			began, ends := f.Now.Add(-57*time.Minute), f.Now.Add(3*time.Minute)
			f.Secrets = []control.Secret{{Kind: "mesh certificate", Holder: "payments", Instance: "payments.2", Began: &began, Expires: &ends}}
		}, posture.Finding{Weight: posture.Medium, Kind: "not renewed", Where: "mesh certificate of payments.2", What: "mesh certificate of payments.2 has 3m0s left of 1h0m0s and wasn't renewed"}, 95},
		"an attack that got through": {func(f *posture.Facts) {
			f.History["edge.jwt.alg-none"] = attack.Entry{Result: attack.Result{ID: "edge.jwt.alg-none", Verdict: attack.Succeeded}, Time: start}
		}, posture.Finding{Weight: posture.Critical, Kind: "attack succeeded", Where: "edge.jwt.alg-none", What: "edge.jwt.alg-none got through when it was last run here, at 2026-11-28 12:00:00"}, 60},
		"a control without proof": {func(f *posture.Facts) { delete(f.History, "some.attack edge.waf") },
			posture.Finding{Weight: posture.Low, Kind: "unproved", Where: "edge.waf"}, 99},
		"nobody who watches": {func(f *posture.Facts) { f.Health = nil },
			posture.Finding{Weight: posture.High, Kind: "watch", Where: "sentinel", What: "sentinel doesn't answer: nobody looks for attacks"}, 85},
		"a workload that is silent": {func(f *posture.Facts) { f.Health.Silent = []string{"payments"} },
			posture.Finding{Weight: posture.High, Kind: "watch", Where: "payments", What: "payments reports no security events"}, 85},
	} {
		f := good(t)
		one.spoil(&f)
		r := posture.Judge(f, posture.DefaultLimits)
		require.Equal(t, one.score, r.Score, "%s: %v", name, r.Findings)
		i := slices.IndexFunc(r.Findings, func(f posture.Finding) bool { return f.Kind == one.want.Kind && f.Where == one.want.Where })
		require.GreaterOrEqual(t, i, 0, "%s: %v", name, r.Findings)
		require.NotEmpty(t, r.Findings[i].Mend, name)
		require.Equal(t, one.want.Weight, r.Findings[i].Weight, name)
		if one.want.What != "" {
			require.Equal(t, one.want.What, r.Findings[i].What, name)
		}
		require.Equal(t, one.want.Weight != posture.Critical, r.Good(80), "%s: one critical finding is enough", name)
	}
}

func TestPlaintextProvesNothing(t *testing.T) {
	f := good(t)
	f.Status.Mode = "plaintext"
	r := posture.Judge(f, posture.DefaultLimits)
	require.Zero(t, r.Coverage.Proved)
	require.Zero(t, r.Coverage.Percent)
	require.Zero(t, r.Score)
}

// TestAsk: every hidden path is asked for, and what answers is a finding.
func TestAsk(t *testing.T) {
	gateway := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/debug/pprof/" || r.Header.Get("Authorization") != "Bearer token" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer gateway.Close()
	probes, err := posture.Ask(t.Context(), gateway.Client(), gateway.URL, "token")
	require.NoError(t, err)
	require.Greater(t, len(probes), 50)
	f := good(t)
	f.Probes = probes
	r := posture.Judge(f, posture.DefaultLimits)
	require.Len(t, r.Findings, 2, "GET and POST")
	require.Equal(t, "GET /debug/pprof/", r.Findings[0].Where)
}
