package meshbench

import (
	"fmt"
	"math"

	"redoubt.example/loadtest/bench"
)

// controlName is the baseline's second self.
const controlName = "plaintext again"

func compareControl(state bench.State, control, baseline bench.Samples) AA {
	d := bench.MedianDifference(control, baseline, 0.999)
	return AA{State: state, Diff: round(d.Value), CI999: interval(d), Passed: d.Contains(0)}
}

// tolerance is how far a delay may come back from what it was: this many microseconds, or a tenth of it.
const tolerance = 5.0

func compareDelayed(state bench.State, truth float64, delayed, baseline bench.Samples) Calibration {
	d := bench.MedianDifference(delayed, baseline, 0.95)
	return Calibration{State: state, Injected: round(truth), Recovered: round(d.Value), CI95: interval(d),
		Passed: math.Abs(d.Value-truth) <= max(tolerance, truth/10)}
}

// compare makes a state's rows of its samples, which are in the rows' order.
func compare(state bench.State, rows []row, samples []bench.Samples) ([]Row, error) {
	var found []Row
	baseline := samples[0]
	for i, row := range rows {
		s := samples[i]
		out := Row{Name: s.Name, State: state, Requests: s.Requests(), P50: round(s.Quantile(0.5)), P99: round(s.Quantile(0.99))}
		out.TotalCPU = round(sum(s.CPU()))
		if i > 0 {
			d := bench.MedianDifference(s, baseline, 0.95)
			out.AddedP50, out.CI95 = round(d.Value), interval(d)
			d = bench.QuantileDifference(0.99, s, baseline, 0.95)
			out.AddedP99, out.AddedP99CI95 = round(d.Value), interval(d)
			out.CPU = row.perProxy(s, baseline)
		}
		for _, proxy := range row.proxies {
			bytes, err := bench.Resident(proxy...)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.Name, err)
			}
			out.RSS += bytes / int64(len(row.proxies))
		}
		found = append(found, out)
	}
	return found, nil
}

// perProxy is the processor time per request of one of a row's proxies, or of half of what its ends use more than the baseline's.
func (r row) perProxy(s, baseline bench.Samples) float64 {
	cpu := s.CPU() // the app's, the proxies', and last the prober's
	if n := len(r.proxies); n > 0 {
		return round(sum(cpu[1:len(cpu)-1]) / float64(n))
	}
	return round((sum(cpu) - sum(baseline.CPU())) / 2)
}
