// Package hops tells what happened at each hop of the platform between two moments: who called whom on which route,
// how often, how often in vain, and how long it took. It reads the services' own Prometheus histograms.
package hops

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Key names one series: the callee is the service that measured it, in one of its instances. Each counts for itself,
// and starts again from 0 for itself; a row is their sum.
type Key struct{ Caller, Callee, Instance, Route, Code string }

// Histogram is a Prometheus classic histogram.
type Histogram struct {
	Count   uint64
	Buckets []Bucket // by upper bound, cumulative
}

// Bucket counts the observations up to its bound, in seconds.
type Bucket struct {
	Upper float64
	Count uint64
}

// Sample is what all services had measured at one moment.
type Sample map[Key]Histogram

// Row is one hop and route.
type Row struct {
	Caller   string  `json:"caller"`
	Callee   string  `json:"callee"`
	Route    string  `json:"route"`
	Requests uint64  `json:"requests"`
	Errors   uint64  `json:"errors"` // answered with a status of 400 or above
	P50      float64 `json:"p50_seconds"`
	P99      float64 `json:"p99_seconds"`
}

// Between returns what was added from one sample to the next, a row per hop and route with requests: the edge
// first, then by caller, callee and route.
func Between(before, after Sample) []Row {
	type hop struct{ caller, callee, route string }
	all, failed := map[hop]Histogram{}, map[hop]uint64{}
	for key, now := range after {
		added := subtract(now, before[key])
		if added.Count == 0 {
			continue
		}
		h := hop{key.Caller, key.Callee, key.Route}
		all[h] = add(all[h], added)
		if code, err := strconv.Atoi(key.Code); err != nil || code >= 400 {
			failed[h] += added.Count
		}
	}
	rows := make([]Row, 0, len(all))
	for h, histogram := range all {
		rows = append(rows, Row{
			Caller: h.caller, Callee: h.callee, Route: h.route, Requests: histogram.Count, Errors: failed[h],
			P50: Quantile(histogram, 0.5), P99: Quantile(histogram, 0.99),
		})
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(edgeFirst(a, b), strings.Compare(a.Caller, b.Caller), strings.Compare(a.Callee, b.Callee), strings.Compare(a.Route, b.Route))
	})
	return rows
}

// Total is what was added from one sample to the next, over all hops and routes of it.
func Total(before, after Sample) (all Histogram) {
	for key, now := range after {
		if added := subtract(now, before[key]); added.Count > 0 {
			all = add(all, added)
		}
	}
	return all
}

func edgeFirst(a, b Row) int {
	switch {
	case a.Caller == b.Caller:
		return 0
	case a.Caller == Outside:
		return -1
	case b.Caller == Outside:
		return 1
	}
	return 0
}

// subtract takes a process that was restarted in between, and counts from 0 again, as it is.
func subtract(now, before Histogram) Histogram {
	if before.Count > now.Count || len(before.Buckets) != len(now.Buckets) {
		return now
	}
	result := Histogram{Count: now.Count - before.Count, Buckets: slices.Clone(now.Buckets)}
	for i, b := range before.Buckets {
		result.Buckets[i].Count -= min(b.Count, result.Buckets[i].Count)
	}
	return result
}

func add(a, b Histogram) Histogram {
	if a.Count == 0 {
		return b
	}
	sum := Histogram{Count: a.Count + b.Count, Buckets: slices.Clone(a.Buckets)}
	for i := range sum.Buckets {
		if i < len(b.Buckets) {
			sum.Buckets[i].Count += b.Buckets[i].Count
		}
	}
	return sum
}

// Quantile estimates as Prometheus' histogram_quantile does: linearly inside the bucket. Beyond the last bound it
// returns that bound; without observations, 0.
func Quantile(h Histogram, q float64) float64 {
	if h.Count == 0 || len(h.Buckets) == 0 {
		return 0
	}
	rank := q * float64(h.Count)
	lower, below := 0.0, uint64(0)
	for _, b := range h.Buckets {
		if float64(b.Count) >= rank && b.Count > below {
			if math.IsInf(b.Upper, 1) {
				return lower
			}
			return lower + (b.Upper-lower)*(rank-float64(below))/float64(b.Count-below)
		}
		lower, below = b.Upper, b.Count
	}
	return h.Buckets[len(h.Buckets)-1].Upper
}
