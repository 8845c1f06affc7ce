package page_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/report"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/hops"
	"redoubt.example/scripts/internal/page"
	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
)

// hostile is what an attacker writes where his words are shown.
const hostile = `<img src=x onerror="alert(1)"><script>alert(2)</script>`

// recorded is a lab whose verbs answer what a real one's answered (testdata), and in which an attacker has left his words.
func recorded(t *testing.T) page.Config {
	t.Helper()
	cfg := quiet(t)
	cfg.Run = func(_ context.Context, c page.Call) page.Answer {
		args := c.Args
		a := page.Answer{Command: "lab " + strings.Join(args, " ")}
		name := strings.Join(args[:min(2, len(args))], "-")
		if args[0] == "trace" {
			name = "trace"
		}
		raw, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			return page.Answer{Code: 1, Error: "nothing is recorded of " + name}
		}
		a.Result = raw
		return a
	}
	cfg.Status = func(context.Context) control.Status {
		return control.Status{Ready: true, Profile: "layered", Mode: "sidecar", Degraded: []control.Degradation{}, ControlsOff: []string{hostile}, Delays: []string{},
			Components: []control.Component{{Name: "gateway", State: "ready"}, {Name: "ingestion", State: "ready"}, {Name: "payments", State: "stopped"},
				{Name: "inference", State: "ready"}, {Name: "vault", State: "ready"}, {Name: "notification", State: "ready"}, {Name: "modelstore", State: "starting"}}}
	}
	cfg.Measured = func() (page.Measured, error) {
		result, err := report.ReadFile("../../../loadtest/report/measured/bench.json")
		return page.Measured{Result: result, From: "the run that is kept"}, err
	}
	var samples, events atomic.Uint64
	cfg.Sample = func(context.Context) (hops.Sample, error) {
		requests := 40 * samples.Add(1)
		h := func(n uint64) hops.Histogram {
			return hops.Histogram{Count: n, Buckets: []hops.Bucket{{Upper: 0.01, Count: n / 2}, {Upper: 0.02, Count: n}}}
		}
		return hops.Sample{
			{Caller: "outside", Callee: "gateway", Instance: "gateway", Route: "POST /v1/documents", Code: "201"}:          h(requests),
			{Caller: "gateway", Callee: "ingestion", Instance: "ingestion", Route: "POST /v1/documents", Code: "201"}:      h(requests),
			{Caller: "ingestion", Callee: "payments", Instance: "payments", Route: "POST /v1/authorizations", Code: "403"}: h(requests / 4),
			{Caller: "ingestion", Callee: "payments", Instance: "payments", Route: "POST /v1/authorizations", Code: "201"}: h(requests),
			{Caller: "gateway", Callee: "notification", Instance: "notification", Route: "GET /v1/inbox", Code: "200"}:     h(requests / 2),
		}, nil
	}
	cfg.Alerts = func(context.Context, alert.Query) ([]alert.Alert, error) {
		return []alert.Alert{{Seq: 1, Title: hostile, Level: "high"}}, nil
	}
	cfg.Events = func(context.Context, alert.EventQuery) ([]alert.Event, error) {
		return []alert.Event{{ID: fmt.Sprint(events.Add(1)), Time: time.Now(), Fields: map[string]any{event.Service: "gateway", event.RuleID: "edge.schema", event.Reason: hostile}}}, nil
	}
	return cfg
}

// audit finds on a page as it is laid out: what has no name, what is hard to read, what sticks out, headings that are skipped.
const audit = `(() => {
  const found = [], wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > wide) found.push("wider than the window: " + document.documentElement.scrollWidth);
  const seen = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";
  for (const e of document.querySelectorAll("a, button, input, select, textarea, summary, [tabindex]:not(main):not(h2)")) {
    if (!seen(e)) continue;
    const name = e.getAttribute("aria-label") || (e.labels ? [...e.labels].map((l) => l.textContent).join() || (e.matches("button") && e.textContent) : e.textContent.trim());
    if (!name) found.push("no name: " + e.outerHTML.slice(0, 90));
  }
  for (const e of document.querySelectorAll("main *")) {
    const b = e.getBoundingClientRect();
    if (seen(e) && !e.closest("pre, .bar, .visually-hidden") && b.width && (b.right > wide + 1 || b.left < -1)) found.push("sticks out: " + e.tagName + " " + e.textContent.slice(0, 40));
  }
  const levels = [...document.querySelectorAll("h1, h2, h3")].filter(seen).map((e) => Number(e.tagName[1]));
  if (levels.filter((l) => l === 1).length !== 1) found.push("one h1, please");
  levels.forEach((l, i) => { if (i && l > levels[i - 1] + 1) found.push("a heading level is skipped"); });
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) found.push("an id is there twice");
  for (const landmark of ["header", "nav", "main", "footer"]) if (document.querySelectorAll(landmark).length !== 1) found.push("one " + landmark + ", please");
  if (document.querySelector("main script, main img, #said img, #unsafe img")) found.push("words became elements");

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const over = (below, colour) => { // what a colour looks like on another
    canvas.fillStyle = below; canvas.fillRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
    return "rgb(" + r + "," + g + "," + b + ")";
  };
  const light = (c) => c.match(/[0-9]+/g).slice(0, 3).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => {
    const all = [];
    for (let at = e; at; at = at.parentElement) all.unshift(at instanceof SVGElement ? "transparent" : getComputedStyle(at).backgroundColor);
    return all.reduce(over, "rgb(255,255,255)");
  };
  const poor = new Set();
  for (const e of document.querySelectorAll("body *")) {
    const says = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!says || !seen(e) || e.closest(".visually-hidden, .skip, title, defs")) continue;
    const style = getComputedStyle(e), svg = e instanceof SVGElement, below = ground(e);
    const a = light(below), b = light(over(below, svg ? style.fill : style.color));
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) poor.add("contrast " + contrast.toFixed(2) + ": " + e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 30));
  }
  return [...found, ...poor];
})()`

// enter opens the page by a link, which leads on by itself.
func (c *chromium) enter(s *page.Server) {
	c.t.Helper()
	require.NoError(c.t, c.Call("Page.navigate", map[string]any{"url": s.Link().URL}, nil))
	c.wait("document.querySelector('h1')?.textContent === 'Map'")
}

func TestViewsInABrowser(t *testing.T) {
	c := newChromium(t)
	s := start(t, recorded(t))
	c.enter(s)
	views := []struct{ path, ready, act, done string }{
		{"", "document.querySelector('svg a.busy') && document.querySelector('#refusals time')", "document.querySelector('details.edge summary').click()",
			"document.querySelector('details.edge[open]')"},
		{"request", "document.querySelector('#path').value", "document.querySelector('#send button').click()",
			"document.querySelectorAll('details.hop').length > 3 && (document.querySelector('details.hop summary').click(), true)"},
		{"attacks", "document.querySelectorAll('#list tbody tr').length > 50", "document.querySelector('#list button').click()", "document.querySelector('ol.way li.here')"},
		{"alerts", "document.querySelector('#responses table') && document.querySelector('#alerts table')", "document.querySelector('#responses button')?.click()", "true"},
		{"controls", "document.querySelectorAll('#list tbody tr').length > 20 && document.querySelector('svg .s0, svg.s0')", "(document.querySelector('#filter').value = 'mesh', document.querySelector('#filter').dispatchEvent(new Event('input')))",
			"document.querySelectorAll('#list tbody tr').length < 20"},
		{"threats", "document.querySelectorAll('#list tbody tr').length > 10", "document.querySelector('#list button').click()", "document.querySelectorAll('ol.steps li').length > 1"},
		{"exercises", "document.querySelectorAll('#list tbody tr').length > 2", "true", "true"},
		{"interviews", "document.querySelector('#clock') && document.querySelectorAll('#list tbody tr').length > 2", "document.querySelector('#current button').click()", "document.querySelector('#said')"},
		{"secrets", "document.querySelectorAll('#list tbody tr').length > 5", "true", "document.querySelector('.left').textContent"},
	}
	for _, v := range views {
		for _, width := range []int{1280, 390} {
			for _, scheme := range []string{"light", "dark"} {
				name := fmt.Sprintf("%s-%d-%s", map[bool]string{true: "map", false: v.path}[v.path == ""], width, scheme)
				c.Said = nil
				require.NoError(t, c.Window(width, scheme))
				c.open(s.URL() + v.path)
				c.wait("document.querySelector('#unsafe').textContent.includes('onerror')")
				c.wait(v.ready)
				c.eval(v.act+"; true", nil)
				c.wait(v.done)
				var found []string
				c.eval(audit, &found)
				require.Empty(t, found, name)
				require.Empty(t, c.Said, "the browser complains of something: %s", name)
				c.shoot(name)
			}
		}
	}
}

// TestThePolicyHolds: a text can't become a program even where a script of ours would let it.
func TestThePolicyHolds(t *testing.T) {
	c := newChromium(t)
	s := start(t, recorded(t))
	c.enter(s)
	var refused bool
	c.eval(`(() => { try { document.querySelector("h1").innerHTML = "<b>x</b>"; return false } catch { return true } })()`, &refused)
	require.True(t, refused, "innerHTML is an error")
	c.eval(`fetch("http://127.0.0.1:1/").then(() => false, () => true)`, &refused)
	require.True(t, refused, "nothing is asked elsewhere")
	require.NotEmpty(t, c.Said, "and a violation is something that this test hears of")
	text, err := json.Marshal(c.Said)
	require.NoError(t, err)
	require.Contains(t, string(text), "Content Security Policy")
}
