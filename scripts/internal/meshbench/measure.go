package meshbench

import (
	"context"
	"fmt"
	"time"

	"redoubt.example/loadtest/bench"
)

// measurement is all that is measured in one state of the machine.
type measurement struct {
	*rig
	state  bench.State
	rows   []row
	budget time.Duration
	say    func(what string)
	seed   uint64
}

// What a state's time is spent on; the rest is throughput.
const (
	latencyShare    = 0.6
	steadyShare     = 0.05
	connectionShare = 0.15
	handshakeShare  = 0.12

	turns     = 3        // of connections and throughput
	largeBody = 64 << 20 // bytes

	injected = 20 * time.Microsecond

	// inARow is how many requests follow each other where a proxy's processor time under load is taken: the blocks in
	// which rows alternate are short, and a proxy that has been still meets cold caches with each block's first.
	inARow = 400
)

func (m measurement) run(ctx context.Context, into *Result) error {
	leave, err := m.state.Enter(ctx, m.program("background"))
	if err != nil {
		return err
	}
	defer leave()
	m.seed = uint64(time.Now().UnixNano()) // of the order in which rows take turns
	found, err := m.latency(ctx, into)
	if err != nil {
		return err
	}
	if err := m.steady(ctx, found); err != nil {
		return err
	}
	if err := m.connections(ctx, found); err != nil {
		return err
	}
	if err := m.throughput(ctx, found); err != nil {
		return err
	}
	into.Rows = append(into.Rows, found...)
	return m.handshakes(ctx, into)
}

func (m measurement) share(of float64) time.Duration { return time.Duration(of * float64(m.budget)) }

func (m measurement) targets() []bench.Target {
	targets := make([]bench.Target, len(m.rows))
	for i, row := range m.rows {
		targets[i] = row.target
	}
	return targets
}

func (m measurement) latency(ctx context.Context, into *Result) ([]Row, error) {
	again := m.rows[0].target // the baseline once more: the harness must find no difference
	again.Name = controlName
	rested, delayed, truth := bench.Delayed(m.rows[0].target, injected) // and one that it must find
	samples, err := bench.Probe{
		Targets: append(m.targets(), again, rested, delayed), For: m.share(latencyShare), Seed: m.seed,
		Progress: func(part float64) { m.say(fmt.Sprintf("latency %.0f %%", 100*part)) },
	}.Run(ctx)
	if err != nil {
		return nil, err
	}
	into.AA = append(into.AA, compareControl(m.state, samples[len(m.rows)], samples[0]))
	into.Calibration = append(into.Calibration, compareDelayed(m.state, truth(), samples[len(m.rows)+2], samples[len(m.rows)+1]))
	return compare(m.state, m.rows, samples)
}

func (m measurement) steady(ctx context.Context, rows []Row) error {
	m.say("requests in a row")
	samples, err := bench.Probe{Targets: m.targets(), For: m.share(steadyShare), Seed: m.seed, Block: inARow, Rounds: 1}.Run(ctx)
	if err != nil {
		return err
	}
	for i := 1; i < len(rows); i++ {
		rows[i].SteadyCPU = m.rows[i].perProxy(samples[i], samples[0])
	}
	return nil
}

func (m measurement) connections(ctx context.Context, rows []Row) error {
	m.say("new connections")
	targets := m.targets()
	full := map[int]int{} // place of a target -> its row
	for i, row := range m.rows {
		if row.full != nil {
			full[len(targets)] = i
			targets = append(targets, *row.full)
		}
	}
	rates, err := bench.ConnectionRates(ctx, targets, turns, m.share(connectionShare)/time.Duration(turns*len(targets)), m.seed)
	if err != nil {
		return err
	}
	for i := range rates {
		rate := round(rates[i])
		switch at, isFull := full[i]; {
		case isFull:
			rows[at].FullConnections = &rate
		case m.rows[i].neverResumes:
			rows[i].Connections, rows[i].FullConnections = rate, &rate
		default:
			rows[i].Connections = rate
		}
	}
	return nil
}

func (m measurement) throughput(ctx context.Context, rows []Row) error {
	m.say("one large body")
	rates, err := bench.Throughputs(ctx, m.targets(), turns, largeBody, m.seed)
	if err != nil {
		return err
	}
	for i, rate := range rates {
		rows[i].Throughput = round(rate / (1 << 20))
	}
	return nil
}

func (m measurement) handshakes(ctx context.Context, into *Result) error {
	m.say("handshakes")
	var servers []bench.Server
	for _, row := range m.rows {
		if row.mTLS == "" {
			continue
		}
		l, err := m.sign(ctx, row.caller)
		if err != nil {
			return err
		}
		config, err := l.client()
		if err != nil {
			return err
		}
		servers = append(servers, bench.Server{Name: row.target.Name, Address: row.mTLS, Config: config})
	}
	if len(servers) == 0 {
		return nil
	}
	found, err := bench.Shake(ctx, servers, m.share(handshakeShare), m.seed)
	if err != nil {
		return err
	}
	for _, h := range found {
		into.Handshakes = append(into.Handshakes, Handshake{
			Name: h.Name, State: m.state, Handshakes: len(h.First) + len(h.Full) + len(h.Resumed), Curve: h.Curve.String(),
			FirstP50: round(bench.QuantileOf(0.5, h.First)),
			FullP50:  round(bench.QuantileOf(0.5, h.Full)), FullP99: round(bench.QuantileOf(0.99, h.Full)),
			Resumes: len(h.Resumed) > 0, ResumedP50: round(bench.QuantileOf(0.5, h.Resumed)), ResumedP99: round(bench.QuantileOf(0.99, h.Resumed)),
		})
	}
	return nil
}
