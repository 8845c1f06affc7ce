package page_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/report"
)

// probe measures the pages as laid out, each in a frame: what sticks out of it or of its plot, and words of a plot that
// cover each other. The script is the test's; the pages keep their policy, which allows none.
const probe = `<script>
function faults(frame) {
  const found = [], doc = frame.contentDocument, wide = doc.documentElement.clientWidth;
  if (doc.documentElement.scrollWidth > wide) found.push("the page is wider than the window: " + doc.documentElement.scrollWidth);
  for (const e of doc.querySelectorAll("main *, header *")) {
    const b = e.getBoundingClientRect();
    if (b.width && (b.right > wide + 1 || b.left < -1)) found.push("sticks out of the window: " + e.tagName + " " + e.textContent.slice(0, 30));
  }
  for (const e of doc.querySelectorAll("section > *")) {
    if (e.getBoundingClientRect().right > e.parentElement.getBoundingClientRect().right) found.push("sticks out of its box: " + e.tagName + " " + e.textContent.trim().slice(0, 30));
  }
  for (const svg of doc.querySelectorAll("svg")) {
    const edge = svg.getBoundingClientRect();
    if (!edge.width) continue;
    const words = [...svg.querySelectorAll("text")].map(e => [e.textContent, e.getBoundingClientRect()]);
    for (const [text, b] of words) {
      if (b.left < edge.left - 1 || b.right > edge.right + 1 || b.top < edge.top - 1 || b.bottom > edge.bottom + 1) found.push("cut off: " + text);
      if (b.height < 10) found.push("too small to read: " + text);
    }
    for (let i = 0; i < words.length; i++) for (let j = 0; j < i; j++) {
      const [s, a] = words[i], [t, b] = words[j];
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3) found.push(s + " covers " + t);
    }
  }
  const plots = [...doc.querySelectorAll("svg")].filter(s => s.getBoundingClientRect().width).length;
  return {name: frame.title, plots, found, styled: frame.contentWindow.getComputedStyle(doc.querySelector("h1")).margin};
}
window.onload = () => {
  const all = [...document.querySelectorAll("iframe")].map(faults);
  document.body.innerHTML = "<pre id=result></pre>";
  document.getElementById("result").textContent = JSON.stringify(all);
};
</script>`

func TestPageInABrowser(t *testing.T) {
	chromium := browser(t)
	var host strings.Builder
	host.WriteString("<!DOCTYPE html><body>" + probe)
	plots := map[string]int{}
	for name, r := range map[string]report.Result{"golden": example(t), "long names": longNames(t), "close together": closeTogether(t), "nothing measured": {}} {
		page := html.EscapeString(render(t, r, nil))
		for _, width := range []int{320, 390, 1280} {
			title := fmt.Sprintf("%s at %d", name, width)
			plots[title] = 6
			if len(r.Profiles) == 0 {
				plots[title] = 0
			}
			fmt.Fprintf(&host, `<iframe title="%s" width="%d" height="2000" frameborder="0" srcdoc="%s"></iframe>`, title, width, page)
		}
	}
	said := open(t, chromium, host.String())
	require.NotContains(t, said, "CONSOLE", "the browser complains of something")
	_, rest, ok := strings.Cut(said, `<pre id="result">`)
	require.True(t, ok, "no answer from the page")
	text, _, _ := strings.Cut(rest, "</pre>")
	var laidOut []struct {
		Name   string
		Plots  int
		Found  []string
		Styled string
	}
	require.NoError(t, json.Unmarshal([]byte(html.UnescapeString(text)), &laidOut))
	require.Len(t, laidOut, len(plots))
	for _, each := range laidOut {
		require.Empty(t, each.Found, each.Name)
		require.Equal(t, plots[each.Name], each.Plots, each.Name)
		require.Equal(t, "0px 0px 8px", each.Styled, "the page's policy keeps its own style out")
	}
}

// TestPageOnPaper: a browser prints it, on several pages and with all that can be unfolded.
func TestPageOnPaper(t *testing.T) {
	chromium := browser(t)
	reader, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("no pdftotext on PATH: apt-get install poppler-utils")
	}
	paper := filepath.Join(t.TempDir(), "report.pdf")
	open(t, chromium, render(t, example(t), nil), "--no-pdf-header-footer", "--print-to-pdf="+paper)
	text, err := exec.Command(reader, "-layout", paper, "-").Output()
	require.NoError(t, err)
	require.Greater(t, strings.Count(string(text), "\f"), 3, "pages")
	printed := strings.Join(strings.Fields(string(text)), " ")
	for _, words := range []string{"What each security control costs", "The matrix", "overchecked", "edge.jwt.signature 41.2 88", "edge.limit.principal", "flood: what grew most"} {
		require.Contains(t, printed, words)
	}
}

// browser is where a browser is that has no need of a window.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no chromium on PATH: apt-get install chromium")
	return ""
}

func longNames(t *testing.T) report.Result {
	r := example(t)
	for i := range r.Ledger {
		r.Ledger[i].Control += ".with.a.name.that.is.longer.than.any"
	}
	for i := range r.Controls {
		r.Controls[i].ID += ".that.is.longer"
	}
	return r
}

func closeTogether(t *testing.T) report.Result {
	r := example(t)
	for i := range r.Profiles[1:] {
		p := &r.Profiles[i+1]
		p.AddedP50, p.CI95, p.Blocked = 300+float64(i), report.Interval{290, 310}, 50+i
	}
	return r
}

// open gives a page to a browser without a window, and returns what that says and what became of the page.
func open(t *testing.T, chromium, page string, more ...string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "report.html")
	require.NoError(t, os.WriteFile(file, []byte(page), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if more == nil {
		more = []string{"--dump-dom"}
	}
	cmd := exec.CommandContext(ctx, chromium, append([]string{"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--enable-logging=stderr", "--hide-scrollbars", "--user-data-dir=" + filepath.Join(dir, "profile"), "--window-size=1400,2000", "file://" + file}, more...)...)
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, string(said))
	return string(said)
}
