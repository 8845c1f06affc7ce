package report

import (
	"encoding/json"
	"fmt"
	"io"
)

// tracked is an entry of the customSmallerIsBetter format of benchmark-action/github-action-benchmark.
type tracked struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
	Range string  `json:"range,omitempty"`
	Extra string  `json:"extra,omitempty"`
}

// Tracking writes what benchmark-action keeps a history of, as customSmallerIsBetter: so attacks count if they aren't blocked.
func Tracking(w io.Writer, r Result) error {
	entries := []tracked{}
	for _, p := range r.Profiles {
		if p.Name != Baseline && p.CI95.Measured() {
			entries = append(entries, tracked{p.Name + ": added latency, p50", "us", p.AddedP50, "95 %: " + between(p.CI95), r.State})
		}
		if p.Name != Baseline && p.CI95P99.Measured() {
			entries = append(entries, tracked{p.Name + ": added latency, p99", "us", p.AddedP99, "95 %: " + between(p.CI95P99), r.State})
		}
		for _, o := range p.Others {
			entries = append(entries, tracked{p.Name + ": added latency of " + o.Request + ", p50", "us", o.P50, "95 %: " + between(o.CI95), r.State})
		}
		if p.CPU > 0 {
			entries = append(entries, tracked{Name: p.Name + ": processor time per request", Unit: "us", Value: p.CPU})
		}
		if p.Attacks > 0 {
			entries = append(entries, tracked{Name: p.Name + ": attacks that get through", Unit: "attacks", Value: float64(p.Attacks - p.Blocked), Extra: fmt.Sprintf("of %d", p.Attacks)})
		}
	}
	for _, l := range r.Ledger {
		e := tracked{Name: fmt.Sprintf("ledger: %s at %s, p50", l.Control, l.Hop), Unit: "us", Value: l.P50}
		if l.CI95.Measured() {
			e.Range = "95 %: " + between(l.CI95)
		}
		entries = append(entries, e)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(entries)
}
