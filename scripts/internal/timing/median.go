package timing

import (
	"errors"
	"slices"
)

// Median puts together many traces of one kind of request: each number is the median of that number, over the traces of
// the commonest shape (a retry, say, makes another). A sum of medians isn't the median of sums: what that makes of a
// difference is in Residual.
func Median(traces []Trace) (Trace, error) {
	shapes := map[string][]*Trace{}
	var commonest string
	for i := range traces {
		shape := ""
		traces[i].Root.Walk(func(depth int, h *Hop) { shape += string(rune('0'+depth)) + h.Name + " " + h.URI + "\n" })
		shapes[shape] = append(shapes[shape], &traces[i])
		if len(shapes[shape]) > len(shapes[commonest]) {
			commonest = shape
		}
	}
	if len(traces) == 0 {
		return Trace{}, errors.New("no trace")
	}
	same := shapes[commonest]
	roots := make([]*Hop, len(same))
	for i, t := range same {
		roots[i] = t.Root
	}
	m := Trace{Root: medianHop(roots)}
	m.Client = median(same, func(t *Trace) float64 { return t.Client })
	m.Overlap = median(same, func(t *Trace) float64 { return t.Overlap })
	m.Sum = -m.Overlap
	m.Root.Walk(func(_ int, h *Hop) {
		m.Sum += h.Transit
		for _, p := range h.Controls {
			m.Sum += p.US
		}
	})
	m.Residual = m.Client - m.Sum
	return m, nil
}

func medianHop(same []*Hop) *Hop {
	of := func(number func(*Hop) float64) float64 { return median(same, number) }
	first := same[0]
	m := &Hop{
		Name: first.Name, URI: first.URI, Caller: first.Caller, Silent: first.Silent, Calls: []*Hop{},
		At: of(func(h *Hop) float64 { return h.At }), Wait: of(func(h *Hop) float64 { return h.Wait }),
		Transit: of(func(h *Hop) float64 { return h.Transit }), Total: of(func(h *Hop) float64 { return h.Total }),
		Self: of(func(h *Hop) float64 { return h.Self }), Residual: of(func(h *Hop) float64 { return h.Residual }),
		Controls: medianParts(same, func(h *Hop) []Part { return h.Controls }),
	}
	if injected := medianParts(same, func(h *Hop) []Part { return h.Injected }); len(injected) > 0 {
		m.Injected = injected
	}
	for i := range first.Calls {
		calls := make([]*Hop, len(same))
		for k, h := range same {
			calls[k] = h.Calls[i]
		}
		m.Calls = append(m.Calls, medianHop(calls))
	}
	return m
}

// medianParts are those that any of the hops has; where one lacks it, it took no time.
func medianParts(same []*Hop, parts func(*Hop) []Part) []Part {
	times := map[string][]float64{}
	result := []Part{}
	for _, h := range same {
		for _, p := range parts(h) {
			if times[p.ID] == nil {
				result = append(result, Part{ID: p.ID, Count: p.Count})
			}
			times[p.ID] = append(times[p.ID], p.US)
		}
	}
	for i := range result {
		all := append(times[result[i].ID], make([]float64, len(same)-len(times[result[i].ID]))...)
		result[i].US = middle(all)
	}
	return result
}

func median[T any](all []T, number func(T) float64) float64 {
	numbers := make([]float64, len(all))
	for i, one := range all {
		numbers[i] = number(one)
	}
	return middle(numbers)
}

func middle(numbers []float64) float64 {
	slices.Sort(numbers)
	n := len(numbers)
	return (numbers[(n-1)/2] + numbers[n/2]) / 2
}
