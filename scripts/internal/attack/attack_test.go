package attack_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/attack"
)

const record = `{"time":"2026-11-22T01:00:00Z","msg":"decision","decision":%q,"control":%q,"request_id":%q,"peer":%q,"reason":"because"}` + "\n"

var twin = attack.Attempt{Outcome: "gained"}

// TestEvidence: a refusal counts only with the named control's own record of that very attempt, logged since it began.
func TestEvidence(t *testing.T) {
	refused := attack.Attempt{Outcome: "refused", RequestIDs: []string{"req-1"}, Peers: []string{"127.0.0.1:4711"}, PID: 12, Marks: []string{"sha256:0123456789abcdef"}}
	tries, canaries := refused, refused
	canaries.Canaries = []string{"canary-1"}
	tries.Each = []attack.Try{{RequestID: "req-1"}, {Peer: "127.0.0.1:2"}}
	for name, c := range map[string]struct {
		before, after string
		attempt, twin attack.Attempt
		evidence      string
		want          attack.Verdict
	}{
		"by request":               {after: line("deny", "edge.scope", "req-1", ""), want: attack.Blocked},
		"by address":               {after: line("deny", "edge.scope", "", "127.0.0.1:4711"), want: attack.Blocked},
		"by process":               {after: line("deny", "edge.scope", "", "pid 12 uid 61003"), want: attack.Blocked},
		"by digest":                {after: line("deny", "edge.scope", "", "sha256:0123456789abcdef"), want: attack.Blocked},
		"nothing logged":           {want: attack.Inconclusive},
		"logged before":            {before: line("deny", "edge.scope", "req-1", ""), want: attack.Inconclusive},
		"another request":          {after: line("deny", "edge.scope", "req-2", "127.0.0.1:47110"), want: attack.Inconclusive},
		"another process":          {after: line("deny", "edge.scope", "", "pid 123 uid 1"), want: attack.Inconclusive},
		"another control":          {after: line("deny", "edge.routes", "req-1", ""), want: attack.Inconclusive},
		"it allowed it":            {after: line("allow", "edge.scope", "req-1", ""), want: attack.Inconclusive},
		"gained, whatever is said": {after: line("deny", "edge.scope", "req-1", ""), attempt: attack.Attempt{Outcome: "gained"}, want: attack.Succeeded},
		"the script broke":         {after: line("deny", "edge.scope", "req-1", ""), attempt: attack.Attempt{Outcome: "error"}, want: attack.Inconclusive},
		"the twin was refused":     {after: line("deny", "edge.scope", "req-1", ""), twin: attack.Attempt{Outcome: "refused"}, want: attack.Inconclusive},
		"a canary in a log":        {after: line("deny", "edge.scope", "req-1", "") + line("allow", "edge.shape", "", "canary-1"), attempt: canaries, want: attack.Succeeded},
		"no canary in a log":       {after: line("deny", "edge.scope", "req-1", "") + line("allow", "edge.shape", "", "canary-2"), attempt: canaries, want: attack.Blocked},
		"of each try":              {after: line("deny", "edge.scope", "req-1", "") + line("deny", "edge.shape", "", "127.0.0.1:2"), attempt: tries, want: attack.Blocked},
		"of one try only":          {after: line("deny", "edge.scope", "req-1", "") + line("allow", "edge.shape", "", "127.0.0.1:2"), attempt: tries, want: attack.Inconclusive},
		"one was too much":         {after: line("deny", "edge.scope", "req-1", "") + line("deny", "edge.limit.route", "", "127.0.0.1:2"), attempt: tries, want: attack.Inconclusive},
		"the kernel":               {evidence: attacks.EvidenceKernel, attempt: attack.Attempt{Outcome: "refused", Errno: "EACCES"}, want: attack.Blocked},
		"not the kernel":           {evidence: attacks.EvidenceKernel, attempt: attack.Attempt{Outcome: "refused", Errno: "TIMEOUT"}, want: attack.Inconclusive},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // those without evidence wait for it
			folder := t.TempDir()
			log := filepath.Join(folder, "gateway.log")
			require.NoError(t, os.WriteFile(log, []byte(c.before), 0o600))
			w, err := attack.Watching(folder)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(log, []byte(c.before+c.after), 0o600))
			attempt, honest := refused, twin
			if c.attempt.Outcome != "" {
				attempt = c.attempt
			}
			if c.twin.Outcome != "" {
				honest = c.twin
			}
			verdict, evidence, err := attack.Judge(t.Context(), w, attacks.Attack{Evidence: c.evidence}, "edge.scope", honest, attempt)
			require.NoError(t, err)
			require.Equal(t, c.want, verdict, evidence.Summary)
			require.NotEmpty(t, evidence.Summary)
			if verdict == attack.Blocked && c.evidence == "" {
				require.Equal(t, "gateway", evidence.Component)
				require.Equal(t, "edge.scope", evidence.Record["control"])
			}
		})
	}
}

func line(decision, control, id, peer string) string {
	return fmt.Sprintf(record, decision, control, id, peer)
}

func TestConclusions(t *testing.T) {
	for name, c := range map[string]struct {
		ran    map[string][2]string
		proved bool
	}{
		"no attack":               {nil, false},
		"one":                     {map[string][2]string{"a": {}}, true},
		"it stops nothing":        {map[string][2]string{"a": {"it got through", ""}}, false},
		"something else stops it": {map[string][2]string{"a": {"", "still refused"}}, false},
		"one of two shows less":   {map[string][2]string{"a": {}, "b": {"", "still refused"}}, false},
	} {
		got := attack.Conclude("edge.scope", c.ran)
		require.Equal(t, c.proved, got.Proved, name)
		require.Equal(t, c.proved, len(got.Problems) == 0, name)
	}
}

func sample() attack.Report {
	result := func(id string, v attack.Verdict) attack.Result {
		return attack.Result{ID: id, Threat: "T-003", Vantage: "outside", Verdict: v, BlockedBy: "edge.scope", Layer: "edge", Title: "A title", Technique: "T1550.001",
			Evidence: attack.Evidence{Kind: "record", Summary: "gateway: because <of this>", Twin: "gained"}, Took: time.Second}
	}
	return attack.Report{
		Attacks: []attack.Result{result("edge.a.b", attack.Blocked), result("edge.c", attack.Succeeded), result("edge.d", attack.Inconclusive)},
		Skipped: []attack.Skip{{ID: "mesh.e", Reason: "needs root"}},
	}
}

// TestJSON: the shape that others read.
func TestJSON(t *testing.T) {
	raw, err := json.Marshal(sample())
	require.NoError(t, err)
	var counts map[string]any
	require.NoError(t, json.Unmarshal(raw, &counts))
	require.Len(t, counts, 5)
	require.NotContains(t, counts, "reach", "absent where it wasn't measured")
	var got struct {
		Profile string
		Blocked int
		Total   int
		Lists   map[string][]map[string]any
	}
	require.NoError(t, json.Unmarshal(raw, &got))
	got.Lists = map[string][]map[string]any{}
	for _, key := range []string{"attacks", "skipped"} {
		part, err := json.Marshal(counts[key])
		require.NoError(t, err)
		var list []map[string]any
		require.NoError(t, json.Unmarshal(part, &list))
		got.Lists[key] = list
	}
	require.Len(t, got.Lists["attacks"], 3)
	keys := func(m map[string]any) (all []string) {
		for k := range m {
			all = append(all, k)
		}
		return all
	}
	require.ElementsMatch(t, []string{"id", "threat", "vantage", "verdict", "blocked_by", "layer", "evidence"}, keys(got.Lists["attacks"][0]))
	require.ElementsMatch(t, []string{"id", "reason"}, keys(got.Lists["skipped"][0]))

	raw, err = json.Marshal(attack.Proof{Controls: []attack.Proved{attack.Conclude("edge.scope", nil)}})
	require.NoError(t, err)
	require.JSONEq(t, `{"controls": [{"id": "edge.scope", "proved": false, "attacks": []}]}`, string(raw))
}

func TestJUnit(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, attack.WriteJUnit(&out, sample()))
	var got struct {
		Suites []struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Errors   int `xml:"errors,attr"`
			Skipped  int `xml:"skipped,attr"`
			Cases    []struct {
				Class   string    `xml:"classname,attr"`
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(out.Bytes(), &got))
	s := got.Suites[0]
	require.Equal(t, []int{4, 1, 1, 1}, []int{s.Tests, s.Failures, s.Errors, s.Skipped})
	require.Equal(t, "edge.a", s.Cases[0].Class)
	require.Nil(t, s.Cases[0].Failure)
	require.NotNil(t, s.Cases[1].Failure)
	require.NotNil(t, s.Cases[2].Error)
	require.NotNil(t, s.Cases[3].Skipped)
}

// TestSARIF: what SARIF 2.1.0 asks for. A whole run was valid against OASIS' own schema.
func TestSARIF(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, attack.WriteSARIF(&out, sample()))
	var got struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct{ ID string }
				}
			}
			Results []struct {
				RuleID, Kind, Level string
				RuleIndex           int
				Message             struct{ Text string }
			}
		}
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	require.Equal(t, "2.1.0", got.Version)
	run := got.Runs[0]
	require.NotEmpty(t, run.Tool.Driver.Name)
	for i, want := range []string{"pass none", "fail error", "open none"} { // section 3.27.10: unless kind is fail, level is none
		r := run.Results[i]
		require.Equal(t, want, r.Kind+" "+r.Level)
		require.Equal(t, run.Tool.Driver.Rules[r.RuleIndex].ID, r.RuleID)
		require.NotEmpty(t, r.Message.Text)
	}
}

func TestHistory(t *testing.T) {
	dir := t.TempDir()
	none, err := attack.ReadHistory(dir)
	require.NoError(t, err)
	require.Empty(t, none)
	at := time.Now().UTC().Truncate(time.Second)
	require.NoError(t, attack.Remember(dir, "sidecar", sample(), at))
	got, err := attack.ReadHistory(dir)
	require.NoError(t, err)
	require.Len(t, got, 3)
	require.Equal(t, attack.Succeeded, got["edge.c"].Verdict)
	require.Equal(t, at, got["edge.c"].Time)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "attacks.json"), []byte("{"), 0o600))
	_, err = attack.ReadHistory(dir)
	require.Error(t, err)
}
