package page

import (
	"fmt"
	"html/template"
	"strings"

	"redoubt.example/loadtest/report"
)

// functions are what the template prints figures with.
var functions = template.FuncMap{
	"us":      report.Micros,
	"signed":  report.Signed,
	"between": report.Between,
	"join":    func(s []string) string { return strings.Join(s, ", ") },
	"said":    func(sentence string) string { return strings.ReplaceAll(sentence, " us", " µs") }, // as a page can write it
	"soft": func(id string) template.HTML { // an ID breaks behind its dots, where there is no room
		return template.HTML(strings.ReplaceAll(template.HTMLEscapeString(id), ".", ".<wbr/>"))
	},
	"mib": func(bytes int64) string { return report.Micros(float64(bytes) / (1 << 20)) },
	"times": func(now, calm float64) string {
		if now <= 0 || calm <= 0 {
			return ""
		}
		return fmt.Sprintf("%.2f×", now/calm)
	},
	"baseline":     func() string { return report.Baseline },
	"class":        func(control string) string { return kinds[kindOf(control)].ink.name },
	"nodifference": func() string { return report.NoDifference },
	"bound": func(e *report.Estimate) string { // how large a difference this run would have missed
		return report.Micros(max(e.CI95[1], -e.CI95[0]))
	},
}
