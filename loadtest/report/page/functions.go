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
	"mib":     func(bytes int64) string { return report.Micros(float64(bytes) / (1 << 20)) },
	"percent": func(part, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(of)) },
	"times": func(now, calm float64) string {
		if calm <= 0 {
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
