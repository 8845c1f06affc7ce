package bench

import "context"

// Step is one rate that was tried, and whether it was kept up with.
type Step struct {
	Rate float64 `json:"rate_per_second"`
	Kept bool    `json:"kept"`
}

// Saturation finds the highest rate that is kept up with: it raises the rate by half until one isn't, and then halves
// the ratio between the two until that is below 5 %. The highest that was kept is the answer, with every step; 0 where
// not even the first was, and highest where all were.
func Saturation(ctx context.Context, lowest, highest float64, try func(ctx context.Context, rate float64) (kept bool, err error)) (float64, []Step, error) {
	const raise, enough = 1.5, 1.05
	var steps []Step
	step := func(rate float64) (bool, error) {
		kept, err := try(ctx, rate)
		if err == nil {
			err = ctx.Err()
		}
		steps = append(steps, Step{rate, kept})
		return kept, err
	}
	good, bad := 0.0, 0.0
	for rate := lowest; bad == 0; rate = min(rate*raise, highest) {
		kept, err := step(rate)
		switch {
		case err != nil:
			return good, steps, err
		case !kept:
			bad = rate
		default:
			good = rate
			if rate >= highest {
				return good, steps, nil
			}
		}
	}
	for good > 0 && bad/good > enough {
		rate := (good + bad) / 2
		kept, err := step(rate)
		if err != nil {
			return good, steps, err
		}
		if kept {
			good = rate
		} else {
			bad = rate
		}
	}
	return good, steps, nil
}
