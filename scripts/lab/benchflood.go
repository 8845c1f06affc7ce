package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/infra/topology"
	"redoubt.example/loadtest/flood"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/term"
)

const (
	// senderVerb sends a load for benchFlood, in a process of its own that can be nice: both share their processors with the lab.
	senderVerb = "flood-sender"
	honestUser = "alice"
	// addressesEach is from how many addresses each of the others sends.
	addressesEach = 5
	// floodTarget is how much longer an honest client's slowest requests may take under a flood.
	floodTarget = 2.0
)

type floodBench struct {
	Rate   float64       `json:"rate"`   // of the honest client, per second
	Factor float64       `json:"factor"` // how many times as much the others send
	Quiet  flood.Outcome `json:"quiet"`
	Flood  flood.Outcome `json:"flood"` // the honest client's, while the others send
	Others flood.Outcome `json:"others"`
	Ratios []float64     `json:"p99_ratios"` // of each round, sorted
}

func (a *app) benchFlood() *cobra.Command {
	var o struct {
		rate, factor float64
		rounds       int
		phase        time.Duration
	}
	cmd := &cobra.Command{
		Use:   "flood",
		Short: "What a flood of other clients does to an honest one's requests",
		Long: `Measure an honest client's latency while it is quiet and while other principals, from other addresses, send many
times as much: in turns, open model, the flood's generator with a lower priority. Fails when a request of the honest client
fails, or when its 99th percentile is over twice that of quiet, by the median of the rounds. In a lab the rate limits are
wide, so that this measures load shedding; with the limits of a real deployment, start the lab with
REDOUBT_GATEWAY_LIMIT_PRINCIPAL=100/1s and the like.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.rate < 1 || o.factor < 1 || o.rate*o.factor > 10000 || o.rounds < 1 || o.rounds > 100 || o.phase < time.Second || o.phase > time.Minute {
				return exit.Usagef("it takes a rate and a factor of 1 or more, 10000 requests per second in all at most, 1 to 100 rounds of 1s to 1m")
			}
			return a.withLab(cmd.Context(), "", func(ctx context.Context) error {
				result := floodBench{Rate: o.rate, Factor: o.factor}
				for range o.rounds {
					if err := a.floodRound(ctx, &result, o.phase); err != nil {
						return err
					}
				}
				slices.Sort(result.Ratios)
				out := a.output()
				if err := out.Print(result, func(w io.Writer) error { return result.write(w, out) }); err != nil {
					return err
				}
				return result.verdict()
			})
		},
	}
	flags := cmd.Flags()
	flags.Float64Var(&o.rate, "rate", 20, "requests per second of the honest client")
	flags.Float64Var(&o.factor, "factor", 10, "how many times as many the others send")
	flags.IntVar(&o.rounds, "rounds", 5, "how many times quiet and flooded, in turns")
	flags.DurationVar(&o.phase, "phase", 10*time.Second, "how long each is")
	return cmd
}

// floodRound measures once without and once with the flood, with fresh tokens.
func (a *app) floodRound(ctx context.Context, result *floodBench, phase time.Duration) error {
	honest, others, err := a.floodLoads(ctx, result, phase)
	if err != nil {
		return err
	}
	quiet, err := sendApart(ctx, honest, 0)
	if err != nil {
		return err
	}
	type answer struct {
		outcome flood.Outcome
		err     error
	}
	flooded := make(chan answer, 1)
	go func() {
		outcome, err := sendApart(ctx, others, 10)
		flooded <- answer{outcome, err}
	}()
	under, err := sendApart(ctx, honest, 0)
	rest := <-flooded
	if err := errors.Join(err, rest.err); err != nil {
		return err
	}
	rest.outcome.Micros = nil
	result.Quiet.Add(quiet)
	result.Flood.Add(under)
	result.Others.Add(rest.outcome)
	result.Ratios = append(result.Ratios, under.Quantile(0.99)/quiet.Quantile(0.99))
	return nil
}

func (a *app) floodLoads(ctx context.Context, result *floodBench, phase time.Duration) (honest, others flood.Load, err error) {
	top, err := topology.Load()
	if err != nil {
		return honest, others, err
	}
	client, _, err := a.running()
	if err != nil {
		return honest, others, err
	}
	status, err := client.Status(ctx)
	if err != nil {
		return honest, others, err
	}
	honest = flood.Load{URL: status.GatewayURL, CAFile: status.CAFile, Rate: result.Rate, During: phase}
	others = honest
	others.Rate *= result.Factor
	for n, user := range slices.Sorted(maps.Keys(top.Users)) {
		token, err := client.Token(ctx, user, nil)
		if err != nil {
			return honest, others, fmt.Errorf("get a token of %s: %w", user, err)
		}
		path := "/v1/account"
		if slices.Contains(top.Users[user], "documents:read") {
			path = "/v1/documents?limit=5"
		}
		if user == honestUser {
			honest.Clients = []flood.Client{{Token: token, Path: path}}
			continue
		}
		for i := range addressesEach {
			others.Clients = append(others.Clients, flood.Client{Source: fmt.Sprintf("127.0.%d.%d", n+1, i+1), Token: token, Path: path})
		}
	}
	return honest, others, nil
}

// sendApart sends a load from a process of its own. Its tokens go through a pipe.
func sendApart(ctx context.Context, load flood.Load, nice int) (flood.Outcome, error) {
	var outcome flood.Outcome
	self, err := os.Executable()
	if err != nil {
		return outcome, err
	}
	text, err := json.Marshal(load)
	if err != nil {
		return outcome, err
	}
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, "nice", "-n", fmt.Sprint(nice), self, senderVerb)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &out, &complaint
	if err := cmd.Run(); err != nil {
		return outcome, fmt.Errorf("send load: %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	return outcome, json.Unmarshal(out.Bytes(), &outcome)
}

func (a *app) floodSender() *cobra.Command {
	return &cobra.Command{Use: senderVerb, Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		var load flood.Load
		if err := json.NewDecoder(os.Stdin).Decode(&load); err != nil {
			return exit.Usagef("a load is needed on standard input: %v", err)
		}
		outcome, err := load.Run(cmd.Context())
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(outcome)
	}}
}

func (b floodBench) ratio() float64 { return b.Ratios[len(b.Ratios)/2] }

func (b floodBench) verdict() error {
	switch {
	case b.Flood.Failed() > 0:
		return fmt.Errorf("%d requests of the honest client failed under the flood", b.Flood.Failed())
	case b.ratio() > floodTarget:
		return fmt.Errorf("the honest client's p99 is %.2f times that of quiet, over %.0f", b.ratio(), floodTarget)
	}
	return nil
}

func (b floodBench) write(w io.Writer, out term.Output) error {
	t := term.Table{Headers: []string{"client", ">sent", ">failed", ">p50 ms", ">p99 ms"}}
	row := func(name string, o flood.Outcome) {
		t.Add(term.Text(name), term.Text(o.Sent), term.Text(o.Failed()),
			term.Text(fmt.Sprintf("%.1f", o.Quantile(0.5)/1000)), term.Text(fmt.Sprintf("%.1f", o.Quantile(0.99)/1000)))
	}
	row("honest, quiet", b.Quiet)
	row("honest, under the flood", b.Flood)
	if err := t.Write(w, out.Colour); err != nil {
		return err
	}
	var statuses []string
	for _, status := range slices.Sorted(maps.Keys(b.Others.Statuses)) {
		statuses = append(statuses, fmt.Sprintf("%s: %d", status, b.Others.Statuses[status]))
	}
	_, err := fmt.Fprintf(w, "\np99 under the flood, by that of quiet: %.2f (median of %d rounds, %.2f to %.2f)\nthe others sent %d, %s\n",
		b.ratio(), len(b.Ratios), b.Ratios[0], b.Ratios[len(b.Ratios)-1], b.Others.Sent, strings.Join(statuses, ", "))
	return err
}
