package platformbench

import (
	"context"
	"slices"
	"strings"
	"time"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/loadtest/bench"
	"redoubt.example/loadtest/report"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/services/platform/controls"
)

// controls measures each control on its own: left out of layered, and added to plaintext.
func (r *run) controls(ctx context.Context) error {
	ids := r.controlIDs()
	if r.cfg.Plan.Controls == 0 || len(ids) == 0 {
		return nil
	}
	suite, err := attacks.Load()
	if err != nil {
		return err
	}
	each := r.cfg.Plan.Controls / time.Duration(2*len(ids))
	found := make([]report.Control, len(ids))
	for i, id := range ids {
		found[i].ID = id
		for _, a := range suite {
			if slices.Contains(a.Controls(), id) {
				found[i].Attacks = append(found[i].Attacks, a.ID)
			}
		}
	}
	for _, side := range []struct {
		profile string
		off     func(id string, meant []control.Switch) []control.Switch
		sign    float64
		enter   func(*report.Control, report.Estimate)
	}{
		{layered, func(id string, meant []control.Switch) []control.Switch {
			return append(meant, control.Switch{Control: id})
		}, -1,
			func(c *report.Control, e report.Estimate) { c.LeftOut = &e }},
		{plaintext, func(id string, meant []control.Switch) []control.Switch {
			return slices.DeleteFunc(meant, func(s control.Switch) bool { return s.Control == id })
		}, 1, func(c *report.Control, e report.Estimate) { c.AddedIn = &e }},
	} {
		labs, err := r.start(ctx, Setup{Name: side.profile, Profile: side.profile}, Setup{Name: side.profile + " changed", Profile: side.profile})
		if err != nil {
			return err
		}
		meant, err := labs[1].Client.ControlsOff(ctx)
		if err != nil {
			return err
		}
		for i, id := range ids {
			if why := unfit(id, side.profile); why != "" {
				found[i].NotAlone = joined(found[i].NotAlone, why)
				continue
			}
			if _, err := labs[1].Client.SwitchControls(ctx, side.off(id, slices.Clone(meant.Off))); err != nil {
				found[i].NotAlone = joined(found[i].NotAlone, err.Error())
				continue
			}
			estimate, err := r.estimate(ctx, labs, id+" in "+side.profile, each, side.sign)
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case err != nil: // the platform doesn't work so: that is a finding, too
				found[i].NotAlone = joined(found[i].NotAlone, err.Error())
			default:
				side.enter(&found[i], estimate)
			}
		}
		if err := r.stop(labs...); err != nil {
			return err
		}
	}
	r.result.Controls = found
	return nil
}

// estimate is what the second lab takes more than the first, times sign.
func (r *run) estimate(ctx context.Context, labs []*Lab, what string, during time.Duration, sign float64) (e report.Estimate, err error) {
	r.cfg.Say(what)
	if err := labs[1].settle(ctx); err != nil {
		return e, err
	}
	found, err := r.compare(ctx, what, during, labs)
	if err != nil {
		return e, err
	}
	d := found.Median(1, 0.95)
	if sign < 0 {
		d = bench.Difference{Value: -d.Value, Low: -d.High, High: -d.Low}
	}
	return report.Estimate{P50: round(d.Value), CI95: interval(d)}, nil
}

// controlIDs are those that were asked for, and otherwise those that the ledger saw at work.
func (r *run) controlIDs() (ids []string) {
	if len(r.cfg.Plan.Chosen) > 0 {
		return r.cfg.Plan.Chosen
	}
	for _, c := range controls.All() {
		if slices.ContainsFunc(r.result.Ledger, func(l report.Line) bool { return l.Control == c.ID }) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// unfit says why a control can't be measured on its own in a profile; "" if it can.
func unfit(id, profile string) string {
	if c, _ := controls.Lookup(id); profile == plaintext && c.Layer == controls.Mesh {
		return "plaintext has no mesh to add it to"
	}
	return ""
}

func joined(why, more string) string { return strings.TrimPrefix(why+"; "+more, "; ") }
