package platformbench

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"redoubt.example/loadtest/bench"
	"redoubt.example/loadtest/report"
	"redoubt.example/scripts/internal/meshbench"
	"redoubt.example/scripts/internal/upkeep"
)

// profiles fills the matrix: each profile beside plaintext.
func (r *run) profiles(ctx context.Context) error {
	if len(r.cfg.Plan.Profiles) == 0 {
		if r.layered == nil {
			return nil
		}
		return r.stop(r.layered)
	}
	base, err := r.start(ctx, Setup{Name: plaintext, Profile: plaintext})
	if err != nil {
		return err
	}
	baseline := report.Profile{Name: plaintext}
	if err := r.consumption(ctx, base[0], &baseline); err != nil {
		return err
	}
	r.result.Profiles = append(r.result.Profiles, baseline)
	// layered first: it is up already.
	names := slices.Clone(r.cfg.Plan.Profiles)
	slices.SortStableFunc(names, func(a, b string) int { return order(a) - order(b) })
	took := time.Duration(0)
	for i, name := range names {
		began := time.Now()
		if within := r.cfg.Plan.Within; within > 0 && i > 0 && time.Since(r.began)+took > within {
			r.note("left out, since the time was up: " + strings.Join(names[i:], ", "))
			break
		}
		if err := r.profile(ctx, base[0], name); err != nil {
			return err
		}
		took = max(took, time.Since(began))
	}
	r.result.Profiles[0].Throughput = middle(r.throughput)
	if err := r.upkeep(); err != nil {
		return err
	}
	slices.SortFunc(r.result.Profiles, func(a, b report.Profile) int { return slices.Index(Profiles, a.Name) - slices.Index(Profiles, b.Name) })
	return r.stop(base...)
}

// upkeep counts what can be counted without measuring.
func (r *run) upkeep() error {
	counter, err := upkeep.NewCounter(r.cfg.Lab.Repo)
	if err != nil {
		return err
	}
	for i := range r.result.Profiles {
		if err := counter.Fill(&r.result.Profiles[i]); err != nil {
			return err
		}
	}
	return nil
}

func order(profile string) int {
	if profile == layered {
		return -1
	}
	return slices.Index(Profiles, profile)
}

func (r *run) profile(ctx context.Context, base *Lab, name string) error {
	lab, err := r.take(ctx, name)
	if err != nil {
		return err
	}
	found, err := r.compare(ctx, name+" beside plaintext", r.cfg.Plan.Each, []*Lab{base, lab})
	if err != nil {
		return err
	}
	p := report.Profile{Name: name, Latency: distribution(found, 1)}
	p50 := found.Median(1, 0.95)
	p.AddedP50, p.CI95 = round(p50.Value), interval(p50)
	if d, known := found.Quantile(1, 0.9, 0.95); known {
		p.AddedP90, p.CI95P90 = round(d.Value), interval(d)
	}
	if d, known := found.Quantile(1, 0.99, 0.95); known {
		p.AddedP99, p.CI95P99 = round(d.Value), interval(d)
	}
	if r.pairs == 0 || found.Pairs() < r.pairs {
		r.pairs = found.Pairs()
	}
	if err := r.reads(ctx, []*Lab{base, lab}, &p); err != nil {
		return err
	}
	if err := r.consumption(ctx, lab, &p); err != nil {
		return err
	}
	if p.Throughput, err = r.saturations(ctx, base, lab); err != nil {
		return err
	}
	r.result.Profiles = append(r.result.Profiles, p)
	r.result.Profiles[0].Latency = distribution(found, 0)
	r.leave(lab)
	return nil
}

// reads compares how long a request takes that only reads.
func (r *run) reads(ctx context.Context, labs []*Lab, into *report.Profile) error {
	if r.cfg.Plan.Read == 0 {
		return nil
	}
	var probers []*prober
	for _, l := range labs {
		path, err := someDocument(ctx, l)
		if err != nil {
			return fmt.Errorf("%s: %w", l.Name, err)
		}
		request := readDocument
		request.Path = path
		probers = append(probers, &prober{lab: l, request: request})
	}
	what := into.Name + " beside plaintext, reading"
	found, err := r.alternate(ctx, what, bench.Comparison{For: r.cfg.Plan.Read, Narrow: r.cfg.Plan.Narrow}, probers)
	if err != nil {
		return err
	}
	d := found.Median(1, 0.95)
	into.Others = append(into.Others, report.Other{Request: readDocument.Name, Estimate: report.Estimate{P50: round(d.Value), CI95: interval(d)}})
	return nil
}

// shares are the points of a distribution that a result keeps.
var shares = []float64{0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99}

func distribution(found *bench.Comparisons, stack int) (all []report.Quantile) {
	for _, share := range shares {
		all = append(all, report.Quantile{Share: share, Took: round(found.Own(stack, share))})
	}
	return all
}

// saturations loads a profile and plaintext to their limits, one after the other: the machine isn't the same an hour later.
func (r *run) saturations(ctx context.Context, base, lab *Lab) (float64, error) {
	if r.cfg.Plan.Saturate == 0 {
		return 0, nil
	}
	r.cfg.Say(lab.Name + ": saturation")
	least, err := saturate(ctx, base, storeDocument, r.cfg.Plan.Saturate/2)
	if err != nil {
		return 0, err
	}
	r.throughput = append(r.throughput, least)
	found, err := saturate(ctx, lab, storeDocument, r.cfg.Plan.Saturate/2)
	if err != nil {
		return 0, err
	}
	if len(r.throughput) == 1 { // once: it is the same beside each
		r.underLoad(ctx, base, least)
	}
	r.underLoad(ctx, lab, found)
	return round(found), ctx.Err()
}

// underLoad says where a profile couldn't be loaded: the others go on.
func (r *run) underLoad(ctx context.Context, l *Lab, saturation float64) {
	if err := r.load(ctx, l, saturation); err != nil && ctx.Err() == nil {
		r.note(fmt.Sprintf("%s under load wasn't measured: %v", l.Name, err))
	}
}

// middle is the median of rates, rounded; 0 of none.
func middle(rates []float64) float64 {
	if len(rates) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(rates))
	return round(sorted[len(sorted)/2])
}

func interval(d bench.Difference) report.Interval {
	return report.Interval{round(d.Low), round(d.High)}
}

// round keeps a tenth of a microsecond: more isn't known.
func round(v float64) float64 { return math.Round(v*10) / 10 }

func machine() report.Machine {
	m := meshbench.ThisMachine()
	return report.Machine{OS: "Linux " + m.Kernel, Arch: runtime.GOARCH, Processors: m.CPUs, Model: m.CPU, Go: m.Go}
}
