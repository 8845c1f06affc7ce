package timing_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/timing"
)

// text is a request of 5 ms in which the gateway asks ingestion, and that two others, for a while both at once.
const text = `hop;dur=5;desc="gateway POST /v1/documents";in=0, edge.waf;dur=0.2;in=0, edge.waf;dur=0.1;in=0, edge.jwt.signature;dur=0.1;in=0, part;dur=0.02;desc="injected edge.waf";in=0,
 hop;dur=3.5;desc="ingestion POST /v1/documents";at=0.5;wait=4.2;in=0.0, application;dur=0.4;in=0.0, database;dur=0.6;n=3;in=0.0,
 hop;dur=0.9;desc="payments POST /v1/authorizations";at=0.2;wait=1;in=0.0.0, database;dur=0.8;in=0.0.0, call;dur=1.5;desc="notification";at=0.7;in=0.0.1`

func oneLine() string {
	var line []rune
	for _, c := range text {
		if c != '\n' {
			line = append(line, c)
		}
	}
	return string(line)
}

func TestTree(t *testing.T) {
	got, err := timing.Parse(oneLine(), 5250*time.Microsecond)
	require.NoError(t, err)
	require.InDelta(t, 5250, got.Client, 0.01)
	require.InDelta(t, 500, got.Overlap, 0.01, "0.2 to 1.2, and 0.7 to 2.2")
	require.InDelta(t, 400+500+100, got.Residual, 0.01, "gateway 0.8 less 0.4, ingestion 1.5 less 1, payments 0.9 less 0.8")
	require.InDelta(t, got.Client, got.Sum+got.Residual, 0.01)

	sum := -got.Overlap
	var names []string
	got.Root.Walk(func(depth int, h *timing.Hop) {
		names = append(names, "..."[:depth]+h.Caller+">"+h.Name)
		sum += h.Transit
		for _, p := range h.Controls {
			sum += p.US
		}
		if !h.Silent {
			require.InDelta(t, h.Wait, h.Transit+h.Total, 0.01)
		}
	})
	require.InDelta(t, got.Sum, sum, 0.01, "the parts sum up, whichever way they are added")
	require.Equal(t, []string{"client>gateway", ".gateway>ingestion", "..ingestion>payments", "..ingestion>notification"}, names)

	root := got.Root
	require.Equal(t, []timing.Part{{"edge.waf", 300, 2}, {"edge.jwt.signature", 100, 1}}, root.Controls)
	require.Equal(t, []timing.Part{{"edge.waf", 20, 1}}, root.Injected, "it is within the control's time, not beside it")
	require.InDelta(t, 250, root.Transit, 0.01)
	require.InDelta(t, 800, root.Self, 0.01)
	require.Equal(t, "POST /v1/authorizations", root.Calls[0].Calls[0].URI)
	silent := root.Calls[0].Calls[1]
	require.True(t, silent.Silent)
	require.InDelta(t, 1500, silent.Transit, 0.01)
	require.Zero(t, silent.Total)

	var raw map[string]any
	encoded, err := json.Marshal(got.Root.Calls[0].Calls[0])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(encoded, &raw))
	for _, key := range []string{"name", "uri", "caller", "controls", "upstream_calls"} {
		require.Contains(t, raw, key)
	}
}

func TestRead(t *testing.T) {
	trailer := &http.Response{Header: http.Header{"Server-Timing": {"cache;desc=HIT"}}, Trailer: http.Header{"Server-Timing": {oneLine()}}}
	got, err := timing.Read(trailer, time.Second)
	require.NoError(t, err)
	require.Equal(t, "gateway", got.Root.Name)
	bodyless := &http.Response{Header: http.Header{"Server-Timing": {oneLine()}}}
	_, err = timing.Read(bodyless, time.Second)
	require.NoError(t, err)

	_, err = timing.Read(&http.Response{Header: http.Header{}, Trailer: http.Header{"Server-Timing": nil}}, time.Second)
	require.ErrorIs(t, err, timing.ErrNone)
	_, err = timing.Read(trailer, time.Millisecond)
	require.ErrorContains(t, err, "round trip", "a gateway can't have taken longer than its client waited")
}

func TestMedian(t *testing.T) {
	var traces []timing.Trace
	for _, took := range []time.Duration{5250, 5300, 9000} {
		one, err := timing.Parse(oneLine(), took*time.Microsecond)
		require.NoError(t, err)
		traces = append(traces, one)
	}
	other, err := timing.Parse(`hop;dur=1;desc="gateway GET /v1/account";in=0`, time.Second)
	require.NoError(t, err)
	traces = append(traces, other)
	got, err := timing.Median(traces)
	require.NoError(t, err)
	require.InDelta(t, 5300, got.Client, 0.01, "of the three that are alike")
	require.InDelta(t, 300, got.Root.Transit, 0.01)
	require.Equal(t, traces[0].Root.Controls, got.Root.Controls)
	require.Equal(t, traces[0].Root.Calls, got.Root.Calls)
	require.InDelta(t, got.Client, got.Sum+got.Residual, 0.01)
	_, err = timing.Median(nil)
	require.Error(t, err)
}

func TestWaterfall(t *testing.T) {
	trace, err := timing.Parse(oneLine(), 5250*time.Microsecond)
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, trace.Waterfall(&out, func(text string, _ timing.Style) string { return text }))
	lines := strings.Split(out.String(), "\n")
	for _, line := range lines {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 100, line)
	}
	require.Contains(t, lines[1], "gateway POST /v1/documents")
	require.Contains(t, out.String(), "\n  ingestion POST /v1/documents")
	require.Contains(t, out.String(), "\n    payments POST /v1/authorizations")
	require.Contains(t, out.String(), "\n    notification (says nothing)")
	require.Contains(t, out.String(), "client 5250.0 us = parts 4250.0 + residual 1000.0 (19.0 %)")
	payments := strings.Index(out.String(), "payments")
	require.Contains(t, out.String()[payments:], "database")
	bar := func(line string) int { return utf8.RuneCountInString(line[:strings.Index(line, "█")]) }
	require.Less(t, bar(lines[1]), bar(find(lines, "payments POST")), "who is called begins later")
}

func find(lines []string, text string) string {
	for _, line := range lines {
		if strings.Contains(line, text) {
			return line
		}
	}
	return ""
}
