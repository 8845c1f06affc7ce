// Package k6 runs the load generator against a lab.
package k6

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"redoubt.example/infra/process"
)

// Run is one run of a scenario.
type Run struct {
	Path     string // the k6 binary
	Scenario string // the script
	Target   Target
	CAFile   string
	Scratch  string // a folder that only we can enter, for the target file and the summary
	Duration time.Duration
	Rate     int    // iterations per second over all of the script's scenarios
	From     string // addresses of this machine that clients come from: "127.0.0.1-127.0.0.60"; "": the machine chooses

	Dashboard string         // where k6's own HTML report goes; "" for none
	Follow    func(Progress) // hears about once a second how far it is; may be nil

	api string // k6's own, where somebody follows
}

// Target is what a script has to know of the lab. It holds tokens: it travels in a 0600 file, whose name alone is
// on the command line.
type Target struct {
	Gateway string            `json:"gateway"`
	Tokens  map[string]string `json:"tokens"`
}

// Summary is what k6 itself saw.
type Summary struct {
	Requests     int64    `json:"requests"`
	Failed       int64    `json:"failed"` // requests whose status or connection failed
	Checks       int64    `json:"checks"`
	FailedChecks int64    `json:"failed_checks"`
	Dropped      int64    `json:"dropped_iterations"` // the generator fell behind: its figures measure itself
	P50          float64  `json:"p50_seconds"`
	P90          float64  `json:"p90_seconds,omitempty"`
	P99          float64  `json:"p99_seconds"`
	Broken       []string `json:"broken,omitempty"` // checks that failed, by name

	Iterations int64    `json:"iterations,omitempty"`
	Rate       float64  `json:"rate,omitempty"`    // requests per second, on average
	Crossed    []string `json:"crossed,omitempty"` // thresholds that didn't hold: "http_req_duration: p(99)<1000"
}

// Problems says in sentences what was wrong.
func (s Summary) Problems() (problems []string) {
	if s.Requests == 0 {
		problems = append(problems, "k6 sent no request")
	}
	if s.Failed > 0 {
		problems = append(problems, fmt.Sprintf("%d of k6's %d requests failed", s.Failed, s.Requests))
	}
	if s.FailedChecks > 0 {
		problems = append(problems, fmt.Sprintf("%d of k6's %d checks failed: %s", s.FailedChecks, s.Checks, strings.Join(s.Broken, ", ")))
	}
	if s.Dropped > 0 {
		problems = append(problems, fmt.Sprintf("k6 fell behind and dropped %d iterations", s.Dropped))
	}
	return problems
}

// thresholdsFailed is k6's exit code when the script's thresholds were crossed: the summary tells how.
const thresholdsFailed = 99

// Do runs the scenario to its end.
func (r Run) Do(ctx context.Context) (Summary, error) {
	target, summary := filepath.Join(r.Scratch, "target.json"), filepath.Join(r.Scratch, "summary.json")
	raw, err := json.Marshal(r.Target)
	if err != nil {
		return Summary{}, err
	}
	if err := os.WriteFile(target, raw, 0o600); err != nil {
		return Summary{}, fmt.Errorf("write k6's target: %w", err)
	}
	defer os.Remove(target)
	if r.Follow != nil {
		if r.api, err = freeAddress(); err != nil {
			return Summary{}, err
		}
		following, stop := context.WithCancel(ctx)
		defer stop()
		go follow(following, r.api, r.Follow)
	}
	var output bytes.Buffer // read only after k6 has ended
	err = process.Run(ctx, r.spec(target, summary), &output)
	if ctx.Err() != nil {
		return Summary{}, ctx.Err()
	}
	var end *exec.ExitError
	if err != nil && (!errors.As(err, &end) || end.ExitCode() != thresholdsFailed) {
		return Summary{}, fmt.Errorf("%w: %s", err, lastLine(output.String()))
	}
	return readSummary(summary)
}

// spec is k6's whole invocation. The CA reaches it as Go programs take one from outside: SSL_CERT_FILE.
func (r Run) spec(target, summary string) process.Spec {
	address := "" // of k6's own API: none
	env := []string{"SSL_CERT_FILE=" + r.CAFile, "HOME=" + r.Scratch, "NO_COLOR=1", "PATH=/usr/bin:/bin"}
	if r.Dashboard != "" {
		env = append(env, "K6_WEB_DASHBOARD=true", "K6_WEB_DASHBOARD_PORT=-1", "K6_WEB_DASHBOARD_PERIOD=1s", "K6_WEB_DASHBOARD_EXPORT="+r.Dashboard)
	}
	if r.Follow != nil {
		address = r.api
	}
	if r.From != "" {
		env = append(env, "K6_LOCAL_IPS="+r.From)
	}
	return process.Spec{
		Name: "k6", Path: r.Path, Dir: r.Scratch, StopSignal: syscall.SIGINT, StopTimeout: 10 * time.Second,
		Args: []string{
			"run", "--quiet", "--address", address, "--summary-export", summary,
			"-e", "TARGET=" + target, "-e", fmt.Sprintf("DURATION=%s", r.Duration), "-e", fmt.Sprintf("RATE=%d", r.Rate),
			r.Scenario,
		},
		Env: env,
	}
}

func lastLine(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return lines[len(lines)-1]
}

// readSummary reads what --summary-export wrote.
func readSummary(path string) (Summary, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Summary{}, fmt.Errorf("read k6's summary: %w", err)
	}
	return parseSummary(raw)
}

type exported struct {
	Metrics   map[string]map[string]any `json:"metrics"`
	RootGroup group                     `json:"root_group"`
}

type group struct {
	Groups map[string]group `json:"groups"`
	Checks map[string]struct {
		Name  string `json:"name"`
		Fails int64  `json:"fails"`
	} `json:"checks"`
}

func parseSummary(raw []byte) (Summary, error) {
	var e exported
	if err := json.Unmarshal(raw, &e); err != nil {
		return Summary{}, fmt.Errorf("read k6's summary: %w", err)
	}
	number := func(metric, field string) float64 { n, _ := e.Metrics[metric][field].(float64); return n }
	s := Summary{
		Requests:     int64(number("http_reqs", "count")),
		Failed:       int64(number("http_req_failed", "passes")), // of the rate "failed": how often it held
		Checks:       int64(number("checks", "passes") + number("checks", "fails")),
		FailedChecks: int64(number("checks", "fails")),
		Dropped:      int64(number("dropped_iterations", "count")),
		P50:          number("http_req_duration", "med") / 1000,
		P90:          number("http_req_duration", "p(90)") / 1000,
		P99:          number("http_req_duration", "p(99)") / 1000,
	}
	s.Iterations, s.Rate = int64(number("iterations", "count")), number("http_reqs", "rate")
	s.Broken = e.RootGroup.broken(nil)
	for metric, values := range e.Metrics {
		thresholds, _ := values["thresholds"].(map[string]any)
		for threshold, failed := range thresholds {
			if failed == true {
				s.Crossed = append(s.Crossed, metric+": "+threshold)
			}
		}
	}
	slices.Sort(s.Crossed)
	return s, nil
}

func (g group) broken(names []string) []string {
	for _, c := range g.Checks {
		if c.Fails > 0 {
			names = append(names, c.Name)
		}
	}
	for _, sub := range g.Groups {
		names = sub.broken(names)
	}
	return names
}
