package platformbench

import (
	"context"
	"fmt"
	"time"

	"redoubt.example/loadtest/bench"
	"redoubt.example/loadtest/report"
	"redoubt.example/services/platform/controls"
)

// known is a delay that is injected into a control at a hop which the request crosses once.
type known struct {
	hop, control string
	delay        time.Duration
}

var knowns = []known{
	{"gateway", controls.EdgeScope, 5 * time.Microsecond},
	{"ingestion", controls.AppPolicy, 20 * time.Microsecond},
	{"inference", controls.AppTxnToken, 100 * time.Microsecond},
}

// orders are the known delays as a lab takes them.
func orders(delay func(known) time.Duration) (all []string) {
	for _, k := range knowns {
		all = append(all, k.hop+":"+k.control+"="+delay(k).String())
	}
	return all
}

// calibrate compares the ledgers of two platforms that are alike but for known delays in the second.
func (r *run) calibrate(ctx context.Context, labs []*Lab) error {
	if r.cfg.Plan.Calibration == 0 {
		return nil
	}
	if _, err := labs[0].Token(ctx, honest, append(storeDocument.Scopes, ledgerScopes...)...); err != nil {
		r.note("no calibration and no ledger: " + err.Error())
		return nil
	}
	if _, err := labs[1].Client.Delay(ctx, orders(func(k known) time.Duration { return k.delay })); err != nil {
		return fmt.Errorf("inject known delays: %w", err)
	}
	found, err := r.ledgers(ctx, "known delays", r.cfg.Plan.Calibration, labs)
	if err != nil {
		return err
	}
	for _, k := range knowns {
		truth := found.OwnPart(1, bench.Part{Hop: k.hop, Control: injected + k.control}, 0.5)
		if truth == 0 {
			return fmt.Errorf("%s were to be injected into %s at %s, and the ledger knows of none", k.delay, k.control, k.hop)
		}
		d := found.PartMedian(1, bench.Part{Hop: k.hop, Control: k.control}, 0.95)
		r.result.Calibration = append(r.result.Calibration, report.Calibration{Hop: k.hop, Control: k.control, Injected: round(truth),
			Recovered: round(d.Value), CI95: interval(d)})
	}
	r.result.Ledger = lines(found, 0)
	r.result.Residual = round(found.OwnPart(0, residual, 0.5))
	return nil
}
