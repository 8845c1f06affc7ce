package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	benchreport "redoubt.example/loadtest/report"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/platformbench"
	"redoubt.example/scripts/internal/term"
)

func TestBenchContainers(t *testing.T) {
	for _, seconds := range []string{"0", "4000"} {
		cmd := (&app{}).benchContainers()
		cmd.SetArgs([]string{"--seconds", seconds})
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		require.Equal(t, exit.Usage, exit.Code(cmd.Execute()))
	}
	found := platformbench.InContainers{State: "kept-awake", Requests: []platformbench.Added{{Request: "POST /v1/documents", Processes: 12345.6, P50: 123.4,
		CI95: benchreport.Interval{100.1, 150.2}, AA: benchreport.AA{Diff: 0.5, CI999: benchreport.Interval{-20, 22}}}}}
	require.Empty(t, found.Problem())
	var text strings.Builder
	require.NoError(t, writeContainersBench(&text, term.Output{}, found))
	require.Contains(t, text.String(), "+123")
	for line := range strings.Lines(text.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), term.Width)
	}
	found.Requests[0].AA.CI999 = benchreport.Interval{3, 22}
	require.Contains(t, found.Problem(), "differ from their like")
}
