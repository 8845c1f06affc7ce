package page_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/report"
	"redoubt.example/loadtest/report/page"
)

func example(t *testing.T) report.Result {
	t.Helper()
	r, err := report.ReadFile("../testdata/result.json")
	require.NoError(t, err)
	return r
}

func render(t *testing.T, r report.Result, c *report.Comparison) string {
	t.Helper()
	var html bytes.Buffer
	require.NoError(t, page.Write(&html, r, c))
	if dir := os.Getenv("REPORT_TEST_KEEP"); dir != "" { // to be looked at
		require.NoError(t, os.WriteFile(filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "-")+".html"), html.Bytes(), 0o644))
	}
	return html.String()
}

// words are what a reader can read: text outside style, and what plots write. The page has to be well-formed for it.
func words(t *testing.T, html string) string {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(strings.ReplaceAll(strings.TrimPrefix(html, "<!DOCTYPE html>"), "<wbr/>", "")))
	dec.Entity = xml.HTMLEntity
	var text strings.Builder
	var open []string
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			require.Empty(t, open)
			return text.String()
		}
		require.NoError(t, err)
		switch e := token.(type) {
		case xml.StartElement:
			open = append(open, e.Name.Local)
			require.NotContains(t, []string{"script", "link", "img", "iframe", "object", "base", "form"}, e.Name.Local)
			for _, a := range e.Attr {
				require.NotContains(t, []string{"style", "src", "href", "onload", "onclick", "srcset"}, a.Name.Local, e.Name.Local)
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) == 0 || open[len(open)-1] != "style" {
				text.Write(e)
				text.WriteByte('\n')
			}
		}
	}
}

func TestPageHoldsTheResult(t *testing.T) {
	r := example(t)
	html := render(t, r, nil)
	text := words(t, html)
	for _, p := range r.Profiles {
		require.Contains(t, text, p.Name)
		if p.Name != report.Baseline {
			require.Contains(t, text, report.Signed(p.AddedP50))
			require.Contains(t, text, report.Between(p.CI95P99))
		}
	}
	for _, c := range r.Controls {
		require.Contains(t, text, c.ID)
	}
	for _, l := range r.Ledger {
		require.Contains(t, text, l.Control)
	}
	for _, c := range r.Calibration {
		require.Contains(t, text, report.Micros(c.Recovered))
	}
	require.Contains(t, text, report.NoDifference)
	require.NotContains(t, text, "Not measured")
	require.NotContains(t, text, "NaN")
	require.Equal(t, 12, strings.Count(html, "<svg"), "six plots, each for a desk and for a phone")
}

// TestFrontier: the plot by itself is what the page has, as a file that lets nothing in either.
func TestFrontier(t *testing.T) {
	var svg bytes.Buffer
	require.NoError(t, page.Frontier(&svg, example(t)))
	text := words(t, svg.String())
	for _, p := range example(t).Profiles {
		require.Contains(t, text, p.Name)
	}
	require.Contains(t, text, "attacks stopped")
	require.NotContains(t, strings.ReplaceAll(svg.String(), "http://www.w3.org/2000/svg", ""), "http")
	require.NotContains(t, svg.String(), "#0102", "a stand-in for a colour")

	r := example(t)
	for i := range r.Profiles {
		r.Profiles[i].Attacks = 0
	}
	require.ErrorIs(t, page.Frontier(&svg, r), page.ErrNoFrontier)
	require.ErrorIs(t, page.Frontier(&svg, report.Result{}), page.ErrNoFrontier)
}

func TestPageLetsNothingIn(t *testing.T) {
	html := render(t, example(t), nil)
	require.Contains(t, html, `http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;sha256-`)
	require.NotContains(t, html, "http://")
	require.NotContains(t, html, "https://")
	require.NotContains(t, html, "url(")
	require.NotContains(t, html, "ZgotmplZ", "html/template refused something")
}

func TestPageEscapes(t *testing.T) {
	r := example(t)
	const evil = `</text></style><script>alert(1)</script>"'&`
	r.Profiles[1].Name, r.Ledger[0].Hop, r.Ledger[0].Control, r.Controls[0].ID = evil, evil, evil, evil
	r.Method.Notes, r.Revision, r.Storms[0].Name, r.Chains[6].Mode = []string{evil}, evil, evil, evil
	words(t, render(t, r, nil)) // fails on an element that mustn't be there
}

func TestPageSaysWhatIsAbsent(t *testing.T) {
	text := words(t, render(t, report.Result{}, nil))
	require.Equal(t, 11, strings.Count(text, "Not measured"), "each part that has nothing")
	text = words(t, render(t, report.Result{Profiles: []report.Profile{{Name: "plaintext"}, {Name: "layered"}}}, nil))
	require.NotContains(t, text, "+0")
	require.NotContains(t, text, "0/0")
	require.NotContains(t, text, "NaN")
}

func TestPageSaysWhatIsWrong(t *testing.T) {
	r := example(t)
	r.AA.CI999 = report.Interval{3, 8}
	now := example(t)
	now.Profiles[4].Blocked = 90
	c := report.Compare(r, now, report.DefaultTolerance)
	require.Contains(t, words(t, render(t, r, nil)), "Don’t believe this run:")
	text := words(t, render(t, now, &c))
	require.Contains(t, text, "layered: 16 attacks get through, 2 before")
	require.Contains(t, text, "the baseline isn't to be believed")
}
