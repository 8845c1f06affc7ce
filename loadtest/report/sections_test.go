package report_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/report"
)

func TestFindings(t *testing.T) {
	r := example(t)
	require.Len(t, r.Findings(), 3)
	require.Contains(t, r.Findings()[0], "stops 105 of 106 attacks instead of 104")

	last := &r.Profiles[len(r.Profiles)-1]
	last.AddedP50, last.CI95 = r.Profiles[4].AddedP50+10, r.Profiles[4].CI95
	require.Contains(t, r.Findings()[0], report.NoDifference)

	last.Attacks = 0
	require.NotContains(t, r.Findings()[0], "attacks", "what wasn't measured isn't said")
	r.Profiles, r.Chains = r.Profiles[:4], nil
	require.Empty(t, r.Findings())
}

// A generator that was itself the slow part makes a run unbelievable.
func TestSaturatedGenerator(t *testing.T) {
	r := example(t)
	require.Empty(t, r.Problems())
	r.Method.Generator = 0.79
	r.Storms[0].Late = 4999
	require.Empty(t, r.Problems())

	r.Method.Generator = 0.81
	require.Len(t, r.Problems(), 1)
	r.Storms[0].Late = 5001
	require.Len(t, r.Problems(), 2)
	require.Contains(t, r.Problems()[1], "flood")
}

// k6 and the gateway saw the same requests, and their clocks can't contradict each other.
func TestReconciled(t *testing.T) {
	for name, c := range map[string]struct {
		change    func(*report.Load)
		complaint string
	}{
		"the gateway counted fewer":       {func(l *report.Load) { l.Served = 3500 }, "k6 sent 3600 requests to layered and the gateway counted 3500"},
		"and more":                        {func(l *report.Load) { l.Served = 3700 }, "counted 3700"},
		"it took longer than was waited":  {func(l *report.Load) { l.ServiceP50 = 4900 }, "by the gateway's clock the p50 of layered is 4900 us, by k6's 4180"},
		"in the tail":                     {func(l *report.Load) { l.ServiceP99 = 12000 }, "the p99 of layered"},
		"a probe's requests":              {func(l *report.Load) { l.Served = 3660 }, ""},
		"a step of the histogram":         {func(l *report.Load) { l.ServiceP50 = 4500 }, ""},
		"an older result, without counts": {func(l *report.Load) { l.Served = 0 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := example(t)
			c.change(&r.Load[1])
			if c.complaint == "" {
				require.Empty(t, r.Problems())
				return
			}
			require.Len(t, r.Problems(), 1)
			require.Contains(t, r.Problems()[0], c.complaint)
		})
	}
}

func TestWhatGrewUnderAttack(t *testing.T) {
	storm := report.Storm{
		Ledger: []report.Line{{Hop: "a", Control: "x", P50: 5}, {Hop: "a", Control: "y", P50: 9}, {Hop: "b", Control: "x", P50: 30}, {Hop: "c", Control: "new", P50: 99}},
		Calm:   []report.Line{{Hop: "a", Control: "x", P50: 4}, {Hop: "a", Control: "y", P50: 9}, {Hop: "b", Control: "x", P50: 10}},
	}
	require.Equal(t, []report.Growth{{Line: storm.Ledger[2], Calm: 10}, {Line: storm.Ledger[0], Calm: 4}}, storm.Grown(8),
		"the most first; not what stayed, nor what wasn't measured before")
	require.Len(t, storm.Grown(1), 1)
	require.InDelta(t, 20, storm.Grown(1)[0].By(), 0)
	require.Empty(t, report.Storm{}.Grown(8))
}

func TestUnmeasuredSectionsAreLeftOut(t *testing.T) {
	r := example(t)
	r.Controls, r.Storms, r.Load = nil, nil, nil
	for i := range r.Profiles {
		r.Profiles[i].Others, r.Profiles[i].SecurityLines = nil, nil
	}
	var text strings.Builder
	require.NoError(t, report.Table(&text, r))
	for _, header := range []string{"by itself", "meanwhile", "under load", "a rule lives in"} {
		require.NotContains(t, text.String(), header)
	}
}

// TestDetected: what `lab attack run --detect` has found is a table of its own, with what was not found plain to see.
func TestDetected(t *testing.T) {
	r := example(t)
	var text strings.Builder
	require.NoError(t, report.Table(&text, r))
	require.NotContains(t, text.String(), "contained ms", "that run measured none")
	r.Detected = []report.Detected{{Threat: "T-021", Attacks: 2, Found: 1, Detect: 612.4, DetectWorst: 700}}
	text.Reset()
	require.NoError(t, report.Table(&text, r))
	require.Regexp(t, `T-021 +2 +1 +612 +700`, text.String())
	var file strings.Builder
	require.NoError(t, r.Write(&file))
	back, err := report.Read(strings.NewReader(file.String()))
	require.NoError(t, err)
	require.Equal(t, r.Detected, back.Detected)
}
