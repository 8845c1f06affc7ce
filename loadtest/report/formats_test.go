package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchfmt"

	"redoubt.example/loadtest/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func sameAsFile(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestTable(t *testing.T) {
	var text strings.Builder
	require.NoError(t, report.Table(&text, example(t)))
	for line := range strings.Lines(text.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), report.Width, line)
	}
	sameAsFile(t, "testdata/table.txt", text.String())
}

// A slow machine's figures are wider, and still fit.
func TestTableOfLargeFigures(t *testing.T) {
	r := example(t)
	for i := range r.Profiles[1:] {
		p := &r.Profiles[i+1]
		p.AddedP50, p.AddedP90, p.AddedP99, p.CPU, p.Memory = 77737, 88888, 99999, 28581, 9999<<20
		p.CI95, p.CI95P90, p.CI95P99 = report.Interval{-24769, 99999}, report.Interval{1, 99999}, report.Interval{1, 99999}
	}
	var text strings.Builder
	require.NoError(t, report.Table(&text, r))
	for line := range strings.Lines(text.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), report.Width, line)
	}
}

func TestMarkdown(t *testing.T) {
	r := example(t)
	c := report.Compare(r, slower(r, "payments", "app.policy", 40), report.DefaultTolerance)
	var text strings.Builder
	require.NoError(t, report.Markdown(&text, r, &c))
	sameAsFile(t, "testdata/summary.md", text.String())
}

func TestMarkdownEscapes(t *testing.T) {
	r := example(t)
	r.Profiles[1].Name = "<img src=x>|`"
	var text strings.Builder
	require.NoError(t, report.Markdown(&text, r, nil))
	require.NotContains(t, text.String(), "<img")
}

func TestUnbelievableIsSaid(t *testing.T) {
	r := example(t)
	r.AA.CI999 = report.Interval{2, 9}
	r.Calibration[2].Recovered = 120
	r.Load[0].Dropped = 3
	require.Len(t, r.Problems(), 3)
	var table, summary, junit strings.Builder
	require.NoError(t, report.Table(&table, r))
	require.NoError(t, report.Markdown(&summary, r, nil))
	require.NoError(t, report.JUnit(&junit, r, nil))
	require.Equal(t, 3, strings.Count(table.String(), "don't believe this run"))
	require.Equal(t, 3, strings.Count(summary.String(), "> [!WARNING]"))
	require.Equal(t, 3, strings.Count(junit.String(), "<failure"))
}

// Nothing that wasn't measured shows as a figure.
func TestAbsentIsNotZero(t *testing.T) {
	r := report.Result{Profiles: []report.Profile{{Name: "layered"}}}
	var table strings.Builder
	require.NoError(t, report.Table(&table, r))
	_, row, _ := strings.Cut(table.String(), "\n")
	row, _, _ = strings.Cut(row, "\n")
	require.Equal(t, []string{"layered", "–", "–", "–", "–", "–", "–", "–", "–", "–", "–"}, strings.Fields(row))
	require.Contains(t, table.String(), "A/A: not measured; calibration: not measured")

	var tracked bytes.Buffer
	require.NoError(t, report.Tracking(&tracked, r))
	require.JSONEq(t, "[]", tracked.String())
}

func TestBenchstat(t *testing.T) {
	var text bytes.Buffer
	require.NoError(t, report.Benchstat(&text, example(t)))
	got := map[string]map[string]float64{}
	reader := benchfmt.NewReader(&text, "result")
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Fatal(record)
		case *benchfmt.Result:
			require.Equal(t, "linux", record.GetConfig("goos"))
			values := map[string]float64{}
			for _, v := range record.Values {
				values[v.Unit] = v.Value
			}
			got[record.Name.String()] = values
		}
	}
	require.NoError(t, reader.Err())
	require.InDelta(t, 2318.2, got["Profile/profile=layered-2"]["added-p50-us"], 0.01)
	require.InDelta(t, 104, got["Profile/profile=layered-2"]["attacks-blocked"], 0)
	require.InDelta(t, 17.2, got["Ledger/hop=payments/control=app.policy-2"]["p50-us"], 0.01)
	require.NotContains(t, got["Profile/profile=plaintext-2"], "added-p50-us")
	require.Contains(t, got, "Chain/mode=sidecar/hops=5-2")

	r := example(t)
	r.Profiles[4].Blocked, r.Profiles[4].Attacks = 0, 0
	text.Reset()
	require.NoError(t, report.Benchstat(&text, r))
	require.Equal(t, len(r.Profiles)-1, strings.Count(text.String(), " attacks-blocked\n"), "attacks that weren't tried aren't attacks that got through")
}

func TestTracking(t *testing.T) {
	var text bytes.Buffer
	require.NoError(t, report.Tracking(&text, example(t)))
	var entries []map[string]any
	require.NoError(t, json.Unmarshal(text.Bytes(), &entries))
	byName := map[string]map[string]any{}
	for _, e := range entries {
		require.NotContains(t, byName, e["name"], "names identify the series")
		byName[e["name"].(string)] = e
	}
	require.InDelta(t, 2318.2, byName["layered: added latency, p50"]["value"], 0.01)
	require.Equal(t, "us", byName["layered: added latency, p50"]["unit"])
	require.InDelta(t, 2, byName["layered: attacks that get through"]["value"], 0, "smaller is better")
	require.NotContains(t, byName, "plaintext: added latency, p50")
}

func TestJUnit(t *testing.T) {
	r := example(t)
	c := report.Compare(r, slower(r, "payments", "app.policy", 40), report.DefaultTolerance)
	var text bytes.Buffer
	require.NoError(t, report.JUnit(&text, r, &c))
	var suites struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Suites   []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name    string `xml:"name,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(text.Bytes(), &suites))
	require.Equal(t, 1, suites.Failures)
	require.Len(t, suites.Suites, 2)
	require.Equal(t, suites.Tests, len(suites.Suites[0].Cases)+len(suites.Suites[1].Cases))
	for _, each := range suites.Suites[1].Cases {
		require.Equal(t, each.Name == "time of app.policy at payments", each.Failure != nil, each.Name)
	}
}
