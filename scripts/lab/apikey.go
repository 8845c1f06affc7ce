package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/term"
)

func (a *app) apikey() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "apikey <issue|list|revoke>",
		GroupID: groupRun,
		Short:   "Issue, list and revoke API keys for machine clients",
		Long: `Issue, list and revoke API keys for machine clients, who send them as ` + "`Authorization: ApiKey <key>`" + `. A key acts for
one user with the scopes given. It is shown once; stored is only a keyed hash of it.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Mend(exit.Usagef("say what to do with API keys"), "lab help apikey")
			}
			return exit.Mend(exit.Usagef("apikey has no %q", args[0]), "lab help apikey")
		},
	}
	revoke := a.revokeOne("key", "End an API key, by its prefix; it stops working within a second", "")
	revoke.Use = "revoke <prefix>"
	cmd.AddCommand(a.apikeyIssue(), a.apikeyList(), revoke)
	return cmd
}

func (a *app) apikeyIssue() *cobra.Command {
	var ask control.APIKeyRequest
	var scopes []string
	cmd := &cobra.Command{
		Use:   "issue --user <name> --scope <scope>",
		Short: "Print a new API key, once",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ask.Scopes = splitScopes(scopes)
			if err := checkKeyRequest(ask); err != nil {
				return err
			}
			client, _, err := a.running()
			if err != nil {
				return err
			}
			key, err := client.IssueAPIKey(cmd.Context(), ask)
			if err != nil {
				return err
			}
			return a.output().Print(key, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, key.Key)
				return err
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&ask.User, "user", "", "whom it acts for")
	flags.StringArrayVar(&scopes, "scope", nil, "what for; repeat it for more, or separate them by spaces or commas")
	flags.StringVar(&ask.Name, "name", "", "what it is called in the list")
	flags.DurationVar(&ask.TTL, "ttl", 30*24*time.Hour, "how long it lives")
	return cmd
}

func checkKeyRequest(ask control.APIKeyRequest) error {
	if ask.User == "" {
		return exit.Usagef("say whom the key acts for with --user")
	}
	if len(ask.Scopes) == 0 {
		return exit.Usagef("say what the key is for with --scope")
	}
	if ask.TTL <= 0 {
		return exit.Usagef("a key can't live for %s", ask.TTL)
	}
	top, err := topology.Load()
	if err != nil {
		return err
	}
	if err := stack.CheckUser(top, ask.User, ask.Scopes); err != nil {
		return exit.Usagef("%w", err)
	}
	return nil
}

func (a *app) apikeyList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List API keys by their prefixes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, _, err := a.running()
			if err != nil {
				return err
			}
			all, err := client.APIKeys(cmd.Context())
			if err != nil {
				return err
			}
			table := &term.Table{Headers: []string{"prefix", "name", "acts for", "scopes", ">remaining"}}
			for _, k := range all {
				table.Add(term.Text(k.Prefix), term.Text(k.Name), term.Text(k.Principal), term.Text(strings.Join(k.Scopes, " ")),
					term.Text(time.Until(k.Expires).Round(time.Second)))
			}
			return a.output().Table(all, table)
		},
	}
}
