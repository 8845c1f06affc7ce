package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/loadtest/bench"
	"redoubt.example/loadtest/flood"
	benchreport "redoubt.example/loadtest/report"
	"redoubt.example/loadtest/report/page"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/platformbench"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/scripts/internal/tools"
	"redoubt.example/services/platform/controls"
)

// How long `lab bench` measures, in seconds, without what starting labs takes.
const (
	fullSeconds       = 1500
	quickBenchSeconds = 120
)

type benchOptions struct {
	seconds  int
	quick    bool
	attacks  bool
	attacked string
	narrow   float64
	within   time.Duration
	state    string
	profiles []string
	controls []string
	baseline string
	against  string
	html     string
	files    benchFiles
}

func (a *app) benchPlatform() *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:     "bench",
		GroupID: groupRun,
		Short:   "Measure what security costs and buys: the six profiles, each control, each hop",
		Long: `Measure what each profile of controls adds to a request, in microseconds, and what it stops. Two whole labs run side by
side, and one prober alternates between them in short random blocks; what is reported is the difference within the same
moments, with its interval. Labs are started for it and stopped again; the one of --dir isn't touched.

Each run proves itself first: the layered platform beside its like must show no difference, and known delays, injected
into controls, must come back as what they are and where they are. A run that fails this fails.

The full run measures, besides, each control on its own, latency under constant load by k6, an honest user's latency
while things go wrong, and what hops cost one after the other; and it attacks every profile. --quick leaves those out, but
for the attacks with --attacks. --against builds another revision, runs both side by side, and fails on a regression.

A comparison ends when its time is up, or before, when its interval reaches --narrow microseconds to either side.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.quick && !cmd.Flags().Changed("seconds") {
				o.seconds = quickBenchSeconds
			}
			if o.against != "" && !cmd.Flags().Changed("profiles") {
				o.profiles = nil
			}
			if err := o.check(); err != nil {
				return err
			}
			return a.measurePlatform(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.seconds, "seconds", fullSeconds, "about how long to measure; starting labs comes on top")
	flags.BoolVar(&o.quick, "quick", false, "only what five minutes suffice for: no single controls, no load, no storms")
	flags.BoolVar(&o.attacks, "attacks", false, "attack every profile, with --quick, too: one to two minutes each on top")
	flags.StringVar(&o.attacked, "attacked", "", "take what the attacks came to from the result in this JSON file, and say so, instead of attacking anew")
	flags.Float64Var(&o.narrow, "narrow", 0, "end a comparison whose interval reaches so many microseconds to either side, or less; 0: take the whole time")
	flags.StringVar(&o.state, "state", string(bench.KeptAwake), "the state of the machine to measure in: "+strings.Join(stateNames(), ", "))
	flags.StringSliceVar(&o.profiles, "profiles", platformbench.Profiles, "the profiles to measure; plaintext is always with them")
	flags.StringSliceVar(&o.controls, "controls", nil, "the controls to measure on their own (default: those that a request crosses)")
	flags.StringVar(&o.baseline, "baseline", "", "fail on a regression from the result in this JSON file")
	flags.StringVar(&o.against, "against", "", "run this Git revision beside this one, and fail on a regression; profiles only if they are named")
	flags.StringVar(&o.html, "html", "", "write the report for the browser, one file that needs no network, to this file")
	o.files.flags(flags)
	return cmd
}

func (o benchOptions) check() error {
	if o.seconds < 1 || o.seconds > 7200 {
		return exit.Usagef("it measures for 1 to 7200 seconds, not %d", o.seconds)
	}
	if o.narrow < 0 || o.narrow > 1e6 {
		return exit.Usagef("an interval is narrow at 0 to 1000000 microseconds")
	}
	if !slices.Contains(bench.States, bench.State(o.state)) {
		return exit.Usagef("there is no state %q: it is one of %s", o.state, strings.Join(stateNames(), ", "))
	}
	for _, name := range o.profiles {
		if !slices.Contains(platformbench.Profiles, name) {
			return exit.Usagef("there is no profile %q: it is one of %s", name, strings.Join(platformbench.Profiles, ", "))
		}
	}
	for _, id := range o.controls {
		if _, ok := controls.Lookup(id); !ok {
			return exit.Mend(exit.Usagef("no control has the ID %q", id), "lab control list")
		}
	}
	if o.baseline != "" && o.against != "" {
		return exit.Usagef("say either --baseline or --against: a file's figures, or a revision to measure beside this one")
	}
	if o.attacks && o.attacked != "" {
		return exit.Usagef("say either --attacks or --attacked: attack now, or take what a file has of it")
	}
	if o.quick && len(o.controls) > 0 {
		return exit.Usagef("--quick leaves single controls out: say either --quick or --controls")
	}
	return nil
}

// plan is what to measure in the time that is asked for.
func (o benchOptions) plan() (plan platformbench.Plan) {
	others := slices.DeleteFunc(slices.Clone(o.profiles), func(name string) bool { return name == benchreport.Baseline })
	all := time.Duration(o.seconds) * time.Second
	switch {
	case o.against != "":
		plan = platformbench.Quick(all/2, others)
		plan.Against = all / 2
	case o.quick:
		plan = platformbench.Quick(all, others)
	default:
		plan = platformbench.Full(all, others, o.controls)
	}
	plan.Attacks = (plan.Attacks || o.attacks) && o.attacked == ""
	plan.Narrow, plan.Within = o.narrow, o.within
	return plan
}

func (a *app) measurePlatform(ctx context.Context, o benchOptions) error {
	before, err := readBefore("--baseline", o.baseline)
	if err != nil {
		return err
	}
	attacked, err := readBefore("--attacked", o.attacked)
	if err != nil {
		return err
	}
	result, compared, err := a.runPlatformBench(ctx, o)
	if err != nil {
		return err
	}
	if during := o.plan().Chains; during > 0 {
		if err := measureHops(ctx, during, &result); err != nil {
			return err
		}
	}
	if attacked != nil {
		result.TakeAttacks(*attacked)
	}
	if before != nil {
		c := benchreport.Compare(*before, result, benchreport.DefaultTolerance)
		compared = &c
	}
	return a.concludeBench(result, compared, o)
}

// readBefore reads the result that a flag names; nil if it names none.
func readBefore(flag, path string) (*benchreport.Result, error) {
	if path == "" {
		return nil, nil
	}
	read, err := benchreport.ReadFile(path)
	if err != nil {
		return nil, exit.Usagef("%s: %w", flag, err)
	}
	return &read, nil
}

// measureHops adds what hops cost one after the other.
func measureHops(ctx context.Context, during time.Duration, into *benchreport.Result) error {
	found, err := runChains(ctx, max(1, int(during.Seconds())))
	if err != nil {
		return err
	}
	into.Chains = found.Chains
	if problem := found.Problem(); problem != "" {
		into.Method.Notes = append(into.Method.Notes, "the chains aren't to be believed: "+problem)
	}
	return nil
}

// runPlatformBench builds what it takes, and measures.
func (a *app) runPlatformBench(ctx context.Context, o benchOptions) (result benchreport.Result, compared *benchreport.Comparison, err error) {
	repo, cache, err := checkout()
	if err != nil {
		return result, nil, err
	}
	cfg := platformbench.Config{State: bench.State(o.state), Plan: o.plan(), Revision: revision(ctx, repo)}
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	if _, err := cache.All(ctx, repo, progress); err != nil { // once, and not by two labs at the same time
		return result, nil, err
	}
	bin, err := cache.Programs(ctx, repo, progress, "./loadtest/bench/background")
	if err != nil {
		return result, nil, err
	}
	cfg.Background = filepath.Join(bin, "background")
	if cfg.Plan.Load > 0 {
		if cfg.K6, err = cache.K6(ctx, repo, progress); err != nil {
			return result, nil, err
		}
	}
	if cfg.Lab.Path, err = os.Executable(); err != nil {
		return result, nil, err
	}
	cfg.Lab.Repo = repo
	if cfg.Scratch, err = os.MkdirTemp("", "redoubt-bench-"); err != nil {
		return result, nil, err
	}
	defer os.RemoveAll(cfg.Scratch)
	task := progress.Task("bench", "starting")
	defer task.End("")
	cfg.Say = func(now string) { task.Say("%s", now) }
	cfg.SendApart = func(ctx context.Context, load flood.Load) (flood.Outcome, error) { return sendApart(ctx, load, 10) }
	if result, err = platformbench.Run(ctx, cfg); err == nil && o.against != "" {
		compared, err = benchAgainst(ctx, cfg, cache, o.against)
	}
	if ctx.Err() != nil {
		return result, nil, errors.New("interrupted; everything is stopped")
	}
	return result, compared, err
}

// benchAgainst compares a revision with what is checked out.
func benchAgainst(ctx context.Context, cfg platformbench.Config, cache tools.Cache, against string) (_ *benchreport.Comparison, err error) {
	cfg.Say("building " + against)
	before, remove, err := platformbench.Checkout(ctx, cfg.Lab.Repo, cfg.Scratch, against)
	if err != nil {
		return nil, err
	}
	built, err := cache.Bin(before.Repo) // its checkout is new each time, and so is what is built from it
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	defer func() { err = errors.Join(err, remove(), os.RemoveAll(built)) }()
	measures, err := platformbench.Against(ctx, cfg, before)
	if err != nil {
		return nil, err
	}
	return &benchreport.Comparison{Tolerance: benchreport.DefaultTolerance, Measures: benchreport.Judge(measures, benchreport.DefaultTolerance)}, nil
}

// concludeBench prints a result and writes its files. One that isn't to be believed, or is worse than before, is the
// verb's failure.
func (a *app) concludeBench(r benchreport.Result, c *benchreport.Comparison, o benchOptions) error {
	err := a.output().Print(r, func(w io.Writer) error {
		if err := benchreport.Table(w, r); err != nil || c == nil {
			return err
		}
		return c.Table(w)
	})
	if err := errors.Join(err, o.files.write(r, c), writeBenchFile(o.html, func(w io.Writer) error { return page.Write(w, r, c) })); err != nil {
		return err
	}
	if problems := r.Problems(); len(problems) > 0 {
		return errors.New("don't believe this run: " + strings.Join(problems, "; "))
	}
	if c != nil {
		return c.Err()
	}
	return nil
}

// revision is what is measured, as Git names it; "" outside a checkout of Git's.
func revision(ctx context.Context, repo string) string {
	text, err := exec.CommandContext(ctx, "git", "-C", repo, "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
