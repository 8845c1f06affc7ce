package platformbench

import (
	"context"
	"time"

	"redoubt.example/loadtest/report"
)

// same compares two platforms that are alike, and again when they no longer are.
func (r *run) same(ctx context.Context) error {
	if r.cfg.Plan.AA == 0 {
		return nil
	}
	none := orders(func(known) time.Duration { return 0 }) // both are told of delays, or they wouldn't be alike
	labs, err := r.start(ctx, Setup{Name: layered, Profile: layered, Delays: none}, Setup{Name: layered + " again", Profile: layered, Delays: none})
	if err != nil {
		return err
	}
	found, err := r.compare(ctx, "layered against itself", r.cfg.Plan.AA, labs)
	if err != nil {
		return err
	}
	d := found.Median(1, 0.999)
	r.result.AA = report.AA{Diff: round(d.Value), CI999: interval(d), Pairs: found.Pairs()}
	if err := r.calibrate(ctx, labs); err != nil {
		return err
	}
	r.layered = labs[0] // it goes on: see take
	r.leave(labs[1])
	return nil
}
