package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/attack"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/posture"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/controls"
)

func (a *app) posture() *cobra.Command {
	limits, least := posture.DefaultLimits, 80
	cmd := &cobra.Command{
		Use:     "posture [recommend]",
		GroupID: groupLook,
		Short:   "Judge how well the lab holds to what is declared: a score, with its reasons",
		Long: `Judge how well the lab holds to what is declared: which requests between services a certificate proves, how long every secret and
certificate lasts, which controls are off and when each was last proved here, what Consul, Vault, PostgreSQL and the listening
sockets say and topology.yaml doesn't, and what the gateway answers that no route has. Each finding names what, where, and how to mend it.

A finding costs points of a hundred: critical 40, high 15, medium 5, low 1; all of a kind at most 50, but for critical ones. Fails with
any critical finding, and below --min-score.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if least < 0 || least > 100 || limits.Static <= 0 || limits.ProofAge <= 0 {
				return exit.Usagef("--min-score is from 0 to 100, --static and --proof-age are longer than 0s")
			}
			return a.judge(cmd.Context(), limits, least)
		},
	}
	cmd.Flags().IntVar(&least, "min-score", least, "fail below this score")
	cmd.Flags().DurationVar(&limits.Static, "static", limits.Static, "a secret that lasts longer is a finding")
	cmd.Flags().DurationVar(&limits.ProofAge, "proof-age", limits.ProofAge, "a control that was proved longer ago is a finding")
	cmd.AddCommand(a.postureRecommend())
	return cmd
}

func (a *app) judge(ctx context.Context, limits posture.Limits, least int) error {
	facts, err := a.facts(ctx)
	if err != nil {
		return err
	}
	report := posture.Judge(facts, limits)
	out := a.output()
	if err := out.Print(report, func(w io.Writer) error { return writePosture(w, out, report, least) }); err != nil {
		return err
	}
	if !report.Good(least) {
		return fmt.Errorf("the posture isn't good enough: %d of 100, with %d findings", report.Score, len(report.Findings))
	}
	return nil
}

// facts asks everybody who knows something. What can't be asked is said, and not taken for good.
func (a *app) facts(ctx context.Context) (f posture.Facts, err error) {
	client, _, status, err := a.ready(ctx)
	if err != nil {
		return f, err
	}
	dir, err := a.dir()
	if err != nil {
		return f, err
	}
	f = posture.Facts{Now: time.Now(), Status: status, Controls: controls.All()}
	if f.Topology, err = topology.Load(); err != nil {
		return f, err
	}
	if f.Survey, err = client.Survey(ctx); err != nil {
		return f, err
	}
	if f.Survey.Listening == 0 {
		f.Unseen = append(f.Unseen, "listening sockets: containers have their own")
	}
	if status.Engine == control.Process {
		if f.Secrets, err = client.Secrets(ctx); err != nil {
			return f, err
		}
	} else {
		f.Unseen = append(f.Unseen, "secrets and certificates: workloads in containers can't be asked for theirs")
	}
	if f.Flows, err = a.flows(ctx, client); err != nil {
		return f, err
	}
	if health, err := client.Sentinel().Health(ctx); err == nil {
		f.Health = &health
	}
	if f.History, err = attack.ReadHistory(dir.Path()); err != nil {
		return f, err
	}
	f.Probes, err = probe(ctx, client, status)
	return f, err
}

// flows are sentinel's; or, when it has none, what the logs say.
func (a *app) flows(ctx context.Context, client *control.Client) ([]alert.Flow, error) {
	if all, err := client.Sentinel().Flows(ctx); err == nil {
		return all, nil
	}
	dir, err := a.dir()
	if err != nil {
		return nil, err
	}
	return posture.FlowsInLogs(dir.Logs())
}

func probe(ctx context.Context, client *control.Client, status control.Status) ([]posture.Probe, error) {
	pem, err := os.ReadFile(status.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("the lab's CA file has no certificate")
	}
	token, err := client.Token(ctx, "carol", nil) // who may do most
	if err != nil {
		return nil, err
	}
	return posture.Ask(ctx, &http.Client{
		Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}},
	}, status.GatewayURL, token)
}

func writePosture(w io.Writer, out term.Output, r posture.Report, least int) error {
	style := term.Good
	if !r.Good(least) {
		style = term.Bad
	}
	fmt.Fprintf(w, "%s of 100\n", out.Paint(fmt.Sprint(r.Score), style))
	fmt.Fprintf(w, "%d of %d edges seen, and %.1f %% of %d requests between services, are proved by certificate\n", r.Coverage.Proved, r.Coverage.Edges, r.Coverage.Percent, r.Coverage.Requests)
	proved := 0
	for _, p := range r.Proofs {
		if !p.Time.IsZero() {
			proved++
		}
	}
	fmt.Fprintf(w, "%d of %d controls have stopped an attack here\n", proved, len(r.Proofs))
	fmt.Fprintf(w, "looked at: %s\n", strings.Join(r.Looked, "; "))
	for _, why := range r.Unseen {
		fmt.Fprintf(w, "not looked at: %s\n", why)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(w, "\n%s %s: %s\n  %s\n  mend: %s\n", out.Paint(f.Weight, weightStyle(f.Weight)), f.Kind, f.Where, f.What, f.Mend)
	}
	return nil
}

func weightStyle(weight string) term.Style {
	if weight == posture.Critical || weight == posture.High {
		return term.Bad
	}
	return term.Warn
}
