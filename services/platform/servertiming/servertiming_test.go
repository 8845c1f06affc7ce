package servertiming_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/servertiming"
)

const us = time.Microsecond

// document is a request as the platform has it: one call after the other, then two at once.
func document() *servertiming.Hop {
	payments := func(route string) *servertiming.Hop {
		return &servertiming.Hop{Service: "payments", Route: route, Total: 900 * us, Parts: []servertiming.Part{{"app.policy", 1, 30 * us}, {"database", 3, 700 * us}}}
	}
	return &servertiming.Hop{
		Service: "gateway", Route: "POST /v1/documents", Total: 5000*us + 100, Parts: []servertiming.Part{{"edge.waf", 1, 300*us + 700}, {"injected edge.waf", 1, 20 * us}},
		Calls: []servertiming.Call{{Service: "ingestion", At: 500 * us, Wait: 4000 * us, Hop: &servertiming.Hop{
			Service: "ingestion", Route: "POST /v1/documents", Total: 3500 * us, Parts: []servertiming.Part{{"application", 1, 200 * us}},
			Calls: []servertiming.Call{
				{"payments", 100 * us, 1000 * us, payments("POST /v1/authorizations")},
				{"payments", 1200 * us, 1000 * us, payments("POST /v1/authorizations/{id}/capture")},
				{"notification", 1700 * us, 1500 * us, nil},
			},
		}}},
	}
}

func TestArithmetic(t *testing.T) {
	call := func(at, wait time.Duration) servertiming.Call {
		return servertiming.Call{At: at * us, Wait: wait * us}
	}
	for name, c := range map[string]struct {
		calls  []servertiming.Call
		waited time.Duration
	}{
		"none":                 {nil, 0},
		"one after the other":  {[]servertiming.Call{call(10, 20), call(40, 10)}, 30},
		"touching":             {[]servertiming.Call{call(10, 20), call(30, 10)}, 30},
		"overlapping":          {[]servertiming.Call{call(10, 20), call(20, 30)}, 40},
		"one within another":   {[]servertiming.Call{call(10, 50), call(20, 10)}, 50},
		"three, out of order":  {[]servertiming.Call{call(60, 20), call(10, 30), call(20, 50)}, 70},
		"beyond the hop's end": {[]servertiming.Call{call(90, 50)}, 10},
		"all of it":            {[]servertiming.Call{call(0, 100), call(0, 100)}, 100},
	} {
		t.Run(name, func(t *testing.T) {
			h := servertiming.Hop{Total: 100 * us, Calls: c.calls, Parts: []servertiming.Part{{"a", 1, 3 * us}, {"b", 2, 4 * us}, {"injected b", 1, 2 * us}}}
			require.Equal(t, c.waited*us, h.Waited())
			require.Equal(t, (100-c.waited)*us, h.Self())
			require.Equal(t, (93-c.waited)*us, h.Residual())
		})
	}
	ingestion := document().Calls[0]
	require.Equal(t, 500*us, ingestion.Transit())
	require.Equal(t, 1500*us, ingestion.Hop.Calls[2].Transit(), "a callee that doesn't say")
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	h := document()
	text := h.Text()
	require.Contains(t, text, `hop;dur=5.0001;desc="gateway POST /v1/documents";in=0, edge.waf;dur=0.3007;in=0, part;dur=0.02;desc="injected edge.waf";in=0`)
	require.Contains(t, text, `call;dur=1.5;desc="notification";at=1.7;in=0.0.2`)
	got, err := servertiming.Parse(text)
	require.NoError(t, err)
	require.Equal(t, h, got)
	_, err = servertiming.Parse(`cdn-cache;desc=HIT, ` + text + ` , edge;dur=1`)
	require.NoError(t, err, "a proxy's own metrics")
}

func TestRefused(t *testing.T) {
	const root = `hop;dur=1;desc="a b";in=0`
	for name, text := range map[string]string{
		"nothing":                          ``,
		"no hop":                           `db;dur=1`,
		"too long":                         root + strings.Repeat(`, x;dur=1;in=0`, 400),
		"too many parts":                   root + strings.Repeat(`, x;dur=1;in=0`, 49),
		"two roots":                        root + ", " + root,
		"root that is a call":              `call;dur=1;desc="a";in=0`,
		"no name":                          `hop;dur=1;in=0`,
		"part before its hop":              `x;dur=1;in=0, ` + root,
		"call out of order":                root + `, call;dur=1;desc=b;at=0;in=0.1`,
		"call of nobody":                   root + `, call;dur=1;desc=b;at=0;in=1.0`,
		"place that isn't one":             root + `, call;dur=1;desc=b;at=0;in=0.00`,
		"callee slower than caller waited": root + `, hop;dur=0.5;desc="b c";at=0;wait=0.4;in=0.0`,
		"too deep":                         deep(9),
		"negative":                         `hop;dur=-1;desc="a b";in=0`,
		"exponent":                         `hop;dur=1e3;desc="a b";in=0`,
		"not a number":                     `hop;dur=NaN;desc="a b";in=0`,
		"too long a time":                  `hop;dur=3600001;desc="a b";in=0`,
		"overflowing time":                 `hop;dur=99999999999999999999;desc="a b";in=0`,
		"negative count":                   root + `, x;dur=1;n=-1;in=0`,
		"huge count":                       root + `, x;dur=1;n=99999999999;in=0`,
		"control character":                "hop;dur=1;desc=\"a \x1b[31m\";in=0",
		"not ASCII":                        `hop;dur=1;desc="a é";in=0`,
		"open quotes":                      `hop;dur=1;desc="a b;in=0`,
		"trailing comma":                   root + `,`,
		"parameter without value":          `hop;dur;in=0`,
		"line break":                       root + "\r\n, x;dur=1;in=0",
	} {
		t.Run(name, func(t *testing.T) {
			h, err := servertiming.Parse(text)
			require.Error(t, err)
			require.Nil(t, h)
		})
	}
}

func deep(n int) string {
	text, place := `hop;dur=1;desc="a b";in=0`, "0"
	for range n {
		place += ".0"
		text += fmt.Sprintf(`, hop;dur=1;desc="a b";at=0;wait=1;in=%s`, place)
	}
	return text
}

// TestBounded: whatever is in the ledger, the field has at most MaxSize bytes, can be read, and says that there was more.
func TestBounded(t *testing.T) {
	wide := &servertiming.Hop{Service: "ingestion", Route: "POST /v1/documents:batch", Total: time.Second}
	for range 40 {
		wide.Calls = append(wide.Calls, servertiming.Call{Service: "payments", Wait: 10_000 * us, Hop: document()})
	}
	many := &servertiming.Hop{Service: "a", Route: strings.Repeat("é\"\\\n", 100), Total: time.Second}
	for i := range 300 {
		many.Parts = append(many.Parts, servertiming.Part{Name: fmt.Sprintf("part %d %s", i, strings.Repeat("x", 100+i)), Count: i, Time: us})
	}
	long := &servertiming.Hop{Service: "a", Route: "b", Total: time.Second}
	for h, i := long, 0; i < 20; i++ {
		next := &servertiming.Hop{Service: "a", Route: "b", Total: time.Second}
		h.Calls = []servertiming.Call{{Service: "a", Wait: time.Second, Hop: next}}
		h = next
	}
	for name, h := range map[string]*servertiming.Hop{"many calls": wide, "a long way": long, "many long names": many} {
		got, err := servertiming.Parse(h.Text())
		require.NoError(t, err, name)
		require.True(t, got.Truncated, name)
		require.Equal(t, h.Total, got.Total)
	}
	got, err := servertiming.Parse(wide.Text())
	require.NoError(t, err)
	require.Len(t, got.Calls, 40, "each call is named, though not what lay behind it")
	require.NotNil(t, got.Calls[0].Hop)
}

func FuzzParse(f *testing.F) {
	f.Add(document().Text())
	f.Add(deep(7))
	f.Add(`hop;dur=1;desc="a b";in=0, x;dur=1;n=2;in=0, call;dur=1;desc=b;at=0;in=0.0, truncated`)
	f.Fuzz(func(t *testing.T, text string) {
		h, err := servertiming.Parse(text)
		if err != nil {
			return
		}
		again, err := servertiming.Parse(h.Text())
		require.NoError(t, err, "what was read can be written: %s", h.Text())
		require.Equal(t, h.Total, again.Total)
		require.Equal(t, len(h.Calls), len(again.Calls))
		require.GreaterOrEqual(t, h.Self(), time.Duration(0))
		require.LessOrEqual(t, len(h.Text()), servertiming.MaxSize)
	})
}
