package main

import (
	"context"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/infra/controlplane"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/term"
)

func (a *app) secrets() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "secrets <list|audit|scan|seal>",
		GroupID: groupLook,
		Short:   "Show who holds which secret, and who read which when; never a value",
		Args:    cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Mend(exit.Usagef("say what to show"), "lab help secrets")
			}
			return exit.Mend(exit.Usagef("secrets has no %q", args[0]), "lab help secrets")
		},
	}
	cmd.AddCommand(a.secretsList(), a.secretsAudit(), a.secretsScan(), a.secretsSeal())
	return cmd
}

func (a *app) secretsList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List leases, tokens, certificates and API keys: holder, kind, age, remaining",
		Long: `List what is given out: database logins and tokens by Vault and Consul, also of processes that are dead;
certificates; API keys. The id is what ` + "`lab revoke`" + ` takes; it opens nothing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, _, err := a.running()
			if err != nil {
				return err
			}
			all, err := client.Secrets(cmd.Context())
			if err != nil {
				return err
			}
			return a.output().Table(all, secretsTable(all, time.Now()))
		},
	}
}

func secretsTable(all []control.Secret, now time.Time) *term.Table {
	table := &term.Table{Headers: []string{"holder", "kind", ">age", ">remaining", "id"}}
	for _, s := range all {
		holder, age, remaining := s.Holder, "", term.Cell{Text: "until revoked", Style: term.Warn}
		if s.Instance != "" && s.Instance != s.Holder {
			holder = s.Instance
		}
		if s.Began != nil {
			age = now.Sub(*s.Began).Round(time.Second).String()
		}
		if s.Expires != nil {
			remaining = term.Text(s.Expires.Sub(now).Round(time.Second))
		}
		table.Add(term.Text(holder), term.Text(s.Kind), term.Text(age), remaining, term.Text(path.Base(s.ID)))
	}
	return table
}

func (a *app) secretsSeal() *cobra.Command {
	return &cobra.Command{
		Use:   "seal",
		Short: "Pull the emergency brake: seal Vault, which gives nothing out until it is restarted",
		Long: `Seal Vault: it gives nothing out, to nobody, until it is restarted (` + "`lab stop vault`, `lab start vault`" + `). Services go
on with what they have leased, and fail closed past it; ` + "`lab status`" + ` says until when.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, _, err := a.running()
			if err != nil {
				return err
			}
			if err := client.Revoke(cmd.Context(), "vault", ""); err != nil {
				return err
			}
			return a.output().Print(map[string]string{"component": controlplane.Vault, "state": "sealed"}, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "vault: sealed; `lab stop vault%[1]s` and `lab start vault%[1]s` open it\n", a.dirFlag())
				return err
			})
		},
	}
}

type auditOptions struct {
	who, action, path string
	refused           bool
	since             time.Duration
	lines             int
}

func (a *app) secretsAudit() *cobra.Command {
	var o auditOptions
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show who read which secret when, from Vault's audit log",
		Long: `Show who asked Vault for what, when, and whether it was given, in the order of time. A service is named by its
SPIFFE ID in the JSON. Values are not in Vault's audit log in the first place.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.since < 0 || o.lines < 0 {
				return exit.Usagef("--since and --lines can't be negative")
			}
			return a.showAudit(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.who, "who", "", "only this service, job, operator or user")
	flags.StringVar(&o.action, "action", "", "only this: login, lease, renew, revoke, encrypt, decrypt, sign, ...")
	flags.StringVar(&o.path, "path", "", "only this path of Vault's")
	flags.BoolVar(&o.refused, "refused", false, "only what was refused")
	flags.DurationVar(&o.since, "since", 0, "only the last so long; 0 for all")
	flags.IntVarP(&o.lines, "lines", "n", 100, "the last so many; 0 for all")
	return cmd
}

func (a *app) showAudit(ctx context.Context, o auditOptions) error {
	client, _, err := a.running()
	if err != nil {
		return err
	}
	var since time.Time
	if o.since > 0 {
		since = time.Now().Add(-o.since)
	}
	all, err := client.Audit(ctx, since)
	if err != nil {
		return err
	}
	found := []control.SecurityEvent{}
	for _, e := range all {
		if (o.who == "" || e.Who == o.who) && (o.action == "" || e.Action == o.action) && (o.path == "" || e.Path == o.path) && (!o.refused || !e.Allowed) {
			found = append(found, e)
		}
	}
	if o.lines > 0 && len(found) > o.lines {
		found = found[len(found)-o.lines:]
	}
	table := &term.Table{Headers: []string{"time", "who", "action", "path", "answer"}}
	for _, e := range found {
		answer := term.Cell{Text: "given", Style: term.Good}
		if !e.Allowed {
			answer = term.Cell{Text: e.Reason, Style: term.Bad}
		}
		table.Add(term.Text(e.Time.Local().Format("15:04:05.000")), term.Text(e.Who), term.Text(e.Action), term.Text(e.Path), answer)
	}
	return a.output().Table(found, table)
}
