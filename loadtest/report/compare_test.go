package report_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/report"
)

// slower is a copy in which one line of the ledger takes so many microseconds more.
func slower(r report.Result, hop, control string, by float64) report.Result {
	r.Ledger = slices.Clone(r.Ledger)
	for i, l := range r.Ledger {
		if l.Hop == hop && l.Control == control {
			l.P50 += by
			l.CI95 = report.Interval{l.CI95[0] + by, l.CI95[1] + by}
			r.Ledger[i] = l
		}
	}
	return r
}

func TestCompareNames(t *testing.T) {
	r := example(t)
	err := report.Compare(r, slower(r, "payments", "app.policy", 40), report.DefaultTolerance).Err()
	require.ErrorContains(t, err, "regression: time of app.policy at payments is 40 us slower")
	require.NotContains(t, err.Error(), ";  ")
}

func TestCompareLetsPass(t *testing.T) {
	r := example(t)
	for name, now := range map[string]report.Result{
		"the same":             r,
		"within the tolerance": slower(r, "payments", "app.policy", 2.9),
		"faster":               slower(r, "payments", "app.policy", -9),
	} {
		require.NoError(t, report.Compare(r, now, report.DefaultTolerance).Err(), name)
	}
	t.Run("wide intervals", func(t *testing.T) {
		now := slower(r, "payments", "database", 100)
		for i := range now.Ledger {
			now.Ledger[i].CI95 = report.Interval{0.1, 3000}
		}
		require.NoError(t, report.Compare(r, now, report.DefaultTolerance).Err())
	})
}

func TestCompareCountsAttacks(t *testing.T) {
	r, now := example(t), example(t)
	now.Profiles[4].Blocked--
	*now.Profiles[4].Reach = 2
	err := report.Compare(r, now, report.DefaultTolerance).Err()
	require.ErrorContains(t, err, "layered: 3 attacks get through, 2 before")
	require.ErrorContains(t, err, "layered: a compromised notification reaches 2 services, 1 before")
	require.NoError(t, report.Compare(now, r, report.DefaultTolerance).Err(), "better is no regression")
}

func TestCompareSaysWhatIsNotAlike(t *testing.T) {
	r, now := example(t), example(t)
	now.Machine.Processors, now.State, r.AA.CI999 = 64, "as-found", report.Interval{1, 2}
	require.Len(t, report.Compare(r, now, report.DefaultTolerance).Caveats, 3)
	require.Contains(t, report.Compare(r, now, report.DefaultTolerance).Uncounted, "time of edge.load-shed at gateway", "has no interval")

	require.ErrorContains(t, report.Compare(r, report.Result{}, report.DefaultTolerance).Err(), "nothing was compared")
	require.Empty(t, example(t).Problems())
}

func TestCompareOtherRequests(t *testing.T) {
	r, now := example(t), example(t)
	o := &now.Profiles[4].Others[0]
	o.P50, o.CI95 = o.P50+200, report.Interval{o.CI95[0] + 200, o.CI95[1] + 200}
	require.ErrorContains(t, report.Compare(r, now, report.DefaultTolerance).Err(), "layered: added latency of GET /v1/documents/{id}, p50 is 200 us slower")
}

// A machine that is slower in everything isn't one control's regression, and doesn't hide one.
func TestCompareOnASlowerMachine(t *testing.T) {
	r, now := example(t), example(t)
	now.Ledger = slices.Clone(now.Ledger)
	for i, l := range now.Ledger {
		now.Ledger[i].P50, now.Ledger[i].CI95 = 1.3*l.P50, report.Interval{1.3 * l.CI95[0], 1.3 * l.CI95[1]}
	}
	c := report.Compare(r, now, report.DefaultTolerance)
	require.NoError(t, c.Err())
	require.Len(t, c.Caveats, 1)
	require.Contains(t, c.Caveats[0], "130 %")
	require.ErrorContains(t, report.Compare(r, slower(now, "payments", "app.policy", 40), report.DefaultTolerance).Err(), "app.policy at payments is 40 us slower")

	r.Ledger, now.Ledger = r.Ledger[:5], now.Ledger[:5]
	require.Error(t, report.Compare(r, now, report.DefaultTolerance).Err(), "a few lines don't tell a machine's pace")
}

func TestComparisonTable(t *testing.T) {
	r := example(t)
	var text strings.Builder
	require.NoError(t, report.Compare(r, slower(r, "payments", "app.policy", 40), report.DefaultTolerance).Table(&text))
	sameAsFile(t, "testdata/comparison.txt", text.String())
}

// Of 100 measures that didn't change, each in 400 comparisons, an uncorrected test would call some worse in nearly
// every comparison; Holm's does in at most 5 %.
func TestJudgeCorrects(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 1))
	const comparisons, measures = 400, 100
	alarms, uncorrected := 0, 0
	for range comparisons {
		var all []report.Measure
		naive := false
		for range measures {
			d := random.NormFloat64()
			all = append(all, report.Measure{Was: 0, Diff: d, CI95: report.Interval{d - 1.96, d + 1.96}})
			naive = naive || d > 1.645
		}
		if naive {
			uncorrected++
		}
		if slices.ContainsFunc(report.Judge(all, report.Tolerance{}), func(j report.Judged) bool { return j.Regressed }) {
			alarms++
		}
	}
	require.Greater(t, uncorrected, comparisons*9/10)
	require.LessOrEqual(t, alarms, comparisons*8/100)
	require.Positive(t, alarms, "a test that never alarms isn't one at 5 %")
}

func TestJudgeHolm(t *testing.T) {
	// p of 0.0228 (2 sigma) alone is a finding; beside another it has to be under 0.025, beside two under 0.0167.
	at := func(z float64) report.Measure {
		return report.Measure{Diff: z, CI95: report.Interval{z - 1.959964, z + 1.959964}}
	}
	verdicts := func(zs ...float64) (regressed []bool) {
		var all []report.Measure
		for _, z := range zs {
			all = append(all, at(z))
		}
		for _, j := range report.Judge(all, report.Tolerance{}) {
			regressed = append(regressed, j.Regressed)
		}
		return regressed
	}
	require.Equal(t, []bool{true}, verdicts(2))
	require.Equal(t, []bool{false, true}, verdicts(0, 2))
	require.Equal(t, []bool{false, false, false}, verdicts(0, 0, 2))
	require.Equal(t, []bool{true, false, true}, verdicts(5, 0, 2), "one that is found counts no more")
}
