// Package page renders a benchmark run's result as one HTML file, which needs neither the network nor a script: on a
// phone, on a desk, on paper, light or dark.
//
// Plots are gonum/plot's: it is what Go programs plot with, it writes SVG, measures its words before it places them,
// and needs no program beside it.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"

	"redoubt.example/loadtest/report"
)

//go:embed page.html.tmpl
var source string

//go:embed page.css
var css string

var page = template.Must(template.New("page").Funcs(functions).Parse(source))

type view struct {
	report.Result
	Comparison *report.Comparison
	Style      template.CSS
	Policy     string // Content-Security-Policy

	Frontier, Added, Spread, Bars, Costs, Chained template.HTML
	Legend                                        []legend
}

// Write renders a result, and how it compares with its baseline if it was compared.
func Write(w io.Writer, r report.Result, c *report.Comparison) error {
	var s sheet
	v := view{Result: r, Comparison: c, Legend: legendOf(r.Ledger)}
	for _, plot := range []struct {
		into *template.HTML
		draw func() (template.HTML, error)
	}{
		{&v.Frontier, func() (template.HTML, error) { return s.frontier(r) }},
		{&v.Added, func() (template.HTML, error) { return s.added(r) }},
		{&v.Spread, func() (template.HTML, error) { return s.spread(r) }},
		{&v.Bars, func() (template.HTML, error) { return s.bars(r.Hops()) }},
		{&v.Costs, func() (template.HTML, error) { return s.costs(r.Controls) }},
		{&v.Chained, func() (template.HTML, error) { return s.chains(r.Chains) }},
	} {
		html, err := plot.draw()
		if err != nil {
			return err
		}
		*plot.into = html
	}
	style := css + s.css()
	sum := sha256.Sum256([]byte(style))
	v.Style = template.CSS(style) // ours, and the plots' that inline has made
	v.Policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
	return page.Execute(w, v)
}
