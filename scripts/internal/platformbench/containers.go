package platformbench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redoubt.example/loadtest/bench"
	"redoubt.example/loadtest/report"
	"redoubt.example/scripts/internal/control"
)

// InContainers is what an engine adds: the layered platform in containers beside the same in processes.
type InContainers struct {
	Machine  report.Machine `json:"machine"`
	State    string         `json:"state"`
	Seconds  float64        `json:"seconds"`
	Requests []Added        `json:"requests"`
}

// Added is one kind of request's: medians of paired differences, in microseconds.
type Added struct {
	Request   string          `json:"request"`
	Processes float64         `json:"processes_p50_us"`
	AA        report.AA       `json:"aa"` // processes beside processes: nothing to be found
	P50       float64         `json:"added_p50_us"`
	CI95      report.Interval `json:"ci95_us"`
	Pairs     int             `json:"pairs"`
}

// Problem is why a result isn't to be believed; "" when it is.
func (c InContainers) Problem() string {
	for _, a := range c.Requests {
		if a.AA.CI999[0] > 0 || a.AA.CI999[1] < 0 {
			return fmt.Sprintf("%s: processes differ from their like by %+.1f us (99.9 %% %+.1f to %+.1f)", a.Request, a.AA.Diff, a.AA.CI999[0], a.AA.CI999[1])
		}
	}
	return ""
}

// RunContainers measures for about the time given, half of it each of two requests. PostgreSQL waits for no disk in either:
// in containers its data is in memory.
func RunContainers(ctx context.Context, cfg Config, during time.Duration) (found InContainers, err error) {
	found = InContainers{Machine: machine(), State: string(cfg.State)}
	r := newRun(cfg, &report.Result{})
	defer func() {
		err = errors.Join(err, r.stopAll())
		found.Seconds = time.Since(r.began).Round(100 * time.Millisecond).Seconds()
	}()
	leave, err := cfg.State.Enter(ctx, cfg.Background)
	if err != nil {
		return found, err
	}
	defer leave()
	labs, err := r.start(ctx, Setup{Name: "processes", Profile: layered}, Setup{Name: "processes again", Profile: layered},
		Setup{Name: "containers", Profile: layered, Engine: control.Docker})
	if err != nil {
		return found, err
	}
	for _, request := range []Request{storeDocument, readDocument} {
		added, err := r.besideContainers(ctx, request, during/2, labs)
		if err != nil {
			return found, err
		}
		found.Requests = append(found.Requests, added)
	}
	return found, nil
}

func (r *run) besideContainers(ctx context.Context, request Request, during time.Duration, labs []*Lab) (a Added, err error) {
	var probers []*prober
	for _, l := range labs {
		own := request
		if own.Path == "" {
			if own.Path, err = someDocument(ctx, l); err != nil {
				return a, fmt.Errorf("%s: %w", l.Name, err)
			}
		}
		probers = append(probers, &prober{lab: l, request: own})
	}
	c, err := r.alternate(ctx, request.Name, bench.Comparison{For: during}, probers)
	if err != nil {
		return a, err
	}
	same, added := c.Median(1, 0.999), c.Median(2, 0.95)
	return Added{Request: request.Name, Processes: round(c.Own(0, 0.5)), AA: report.AA{Diff: round(same.Value), CI999: interval(same), Pairs: c.Pairs()},
		P50: round(added.Value), CI95: interval(added), Pairs: c.Pairs()}, nil
}
