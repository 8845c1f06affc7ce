package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/infra/controlplane"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/secretbench"
	"redoubt.example/scripts/internal/term"
)

// benched is whom `lab bench secrets` asks Vault as: it has a database and a transit key.
const benched = "notification"

// hashicorpLogin is the p99 of an AppRole login that HashiCorp's vault-benchmark reports, in microseconds.
const hashicorpLogin = 2890

type secretsBench struct {
	Rows     []secretbench.Row  `json:"rows"`
	Rotation *secretbench.Spike `json:"rotation,omitempty"`
	Login    float64            `json:"vault_benchmark_login_p99_us"`
}

func (a *app) benchSecrets() *cobra.Command {
	var samples, rotations, rate int
	cmd := &cobra.Command{
		Use:   "secrets",
		Short: "Measure login, lease, renewal and transit, and what a rotation does to requests in flight",
		Long: `Measure Vault's operations as a workload does them (one after the other, audit log on, over one kept connection),
and what a rotation of database logins does to requests in flight: p99 in blocks of load with a rotation against
blocks without, in random order, with the ratio's 95 % interval: more rotations narrow it. It uses the lab that is up; it reads a workload's identity document, as root or as
the user who started the lab may.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if samples < 1 || samples > 10000 || rotations < 0 || rotations > 1000 || rate < 1 || rate > 1000 {
				return exit.Usagef("it takes 1 to 10000 samples, and up to 1000 rotations at 1 to 1000 requests per second")
			}
			result, err := a.measureSecrets(cmd.Context(), samples, rotations, rate)
			if err != nil {
				return err
			}
			out := a.output()
			if err := out.Print(result, func(w io.Writer) error { return writeSecretsBench(w, out, result) }); err != nil {
				return err
			}
			if r := result.Rotation; r != nil && r.Failed > 0 {
				return fmt.Errorf("%d requests failed during rotations", r.Failed)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&samples, "samples", 500, "of each operation")
	flags.IntVar(&rotations, "rotations", 40, "how many, each with its block of load and one without, 9 s together; 0 for none")
	flags.IntVar(&rate, "rate", 200, "requests per second during the blocks")
	return cmd
}

func (a *app) measureSecrets(ctx context.Context, samples, rotations, rate int) (result secretsBench, err error) {
	client, record, err := a.running()
	if err != nil {
		return result, err
	}
	status, err := client.Status(ctx)
	if err != nil {
		return result, err
	}
	vault := ""
	for _, c := range status.Components {
		if c.Name == controlplane.Vault {
			vault = c.Address
		}
	}
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	task := progress.Task("secrets", "Vault's operations")
	defer task.End("")
	workload := secretbench.Workload{Vault: vault, CAFile: status.CAFile, JWTFile: filepath.Join(record.RunDir, benched, "vault.jwt"), Name: benched}
	result.Login = hashicorpLogin
	if result.Rows, err = workload.Operations(ctx, samples); err != nil || rotations == 0 {
		return result, err
	}
	edge, err := edgeClient(status)
	if err != nil {
		return result, err
	}
	spike, err := secretbench.Rotations{
		Client: edge, URL: status.GatewayURL + "/v1/account", Count: rotations, PerSecond: rate, Block: 4 * time.Second,
		Token:  func() (string, error) { return client.Token(ctx, "alice", []string{"account:read"}) },
		Rotate: func(ctx context.Context) error { _, err := client.Rotate(ctx, "db", "payments"); return err },
		Settled: func(ctx context.Context) (bool, error) {
			all, err := client.Secrets(ctx)
			logins := 0
			for _, s := range all {
				if s.Kind == controlplane.DatabaseLogin && s.Holder == "payments" {
					logins++
				}
			}
			return logins == 1, err
		},
	}.Measure(ctx, func(text string) { task.Say("%s", text) })
	result.Rotation = &spike
	return result, err
}

func writeSecretsBench(w io.Writer, out term.Output, result secretsBench) error {
	table := &term.Table{Headers: []string{"operation", ">samples", ">p50", ">p99"}}
	micros := func(us float64) term.Cell {
		return term.Text(term.Millis(time.Duration(us * float64(time.Microsecond))))
	}
	for _, r := range result.Rows {
		table.Add(term.Text(r.Name), term.Text(r.Samples), micros(r.P50), micros(r.P99))
	}
	table.Add(term.Text("vault-benchmark's AppRole login, as published"), term.Text(""), term.Text(""), micros(result.Login))
	if err := table.Write(w, out.Colour); err != nil || result.Rotation == nil {
		return err
	}
	r := result.Rotation
	verdict := map[string]string{
		secretbench.Within: out.Paint("within", term.Good), secretbench.Above: out.Paint("above", term.Bad),
		secretbench.Undecided: out.Paint("too few rotations to tell whether within", term.Warn),
	}[r.Verdict()]
	_, err := fmt.Fprintf(w, "\n%d rotations at %d requests per second: %d requests, %d failed\np99 %.2f ms with a rotation, %.2f ms without: %.2fx (95 %% interval %.2f to %.2f), %s the target of %.1fx\n",
		r.Rotations, r.PerSecond, r.Requests, r.Failed, r.P99With/1000, r.P99Without/1000, r.P99Ratio, r.RatioLow, r.RatioHigh, verdict, r.P99RatioMax)
	return err
}
