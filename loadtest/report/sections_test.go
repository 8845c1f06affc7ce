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
