package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	benchreport "redoubt.example/loadtest/report"
	"redoubt.example/loadtest/report/page"
)

const measured = "../../loadtest/report/measured/"

// TestReadmeShowsARun holds the figures of README.md to the run that they come from: its result is kept beside them, and both the
// table and the plot are what `lab report` makes of it.
func TestReadmeShowsARun(t *testing.T) {
	result, err := benchreport.ReadFile(measured + "bench.json")
	require.NoError(t, err)
	require.NotEmpty(t, result.Profiles)
	require.Empty(t, result.Problems(), "a run that one shouldn't believe is no example")
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)

	var table strings.Builder
	require.NoError(t, benchreport.Table(&table, result))
	matrix, _, _ := strings.Cut(table.String(), "\n\n")
	require.Contains(t, string(readme), matrix)

	var plot strings.Builder
	require.NoError(t, page.Frontier(&plot, result))
	kept, err := os.ReadFile(measured + "frontier.svg")
	require.NoError(t, err)
	require.Equal(t, plot.String(), string(kept), "`lab report bench.json --frontier frontier.svg` draws it anew")
	require.Contains(t, string(readme), "loadtest/report/measured/frontier.svg")
}
