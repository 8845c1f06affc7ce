package main

import (
	"context"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/term"
)

func (a *app) rotateDB() *cobra.Command {
	return &cobra.Command{
		Use:   "db [service]",
		Short: "Replace the database logins of every service, or of one",
		Long: `Replace the database logins of every service that has a database, or of one, and the password that Vault itself
manages that database with. Connections move over to the new login one by one; no request fails.`,
		Args: optionalName,
		RunE: func(cmd *cobra.Command, args []string) error { return a.rotateSecrets(cmd.Context(), "db", args) },
	}
}

func (a *app) rotateTransit() *cobra.Command {
	return &cobra.Command{
		Use:   "transit [key]",
		Short: "Make a new version of every transit key, or of one, and wrap anew what they have sealed",
		Long: `Make a new version of every transit key of Vault's, or of one, and have the service that seals with it wrap the
data keys of its records anew. The records themselves stay as they are; older versions still open and verify.`,
		Args: optionalName,
		RunE: func(cmd *cobra.Command, args []string) error { return a.rotateSecrets(cmd.Context(), "transit", args) },
	}
}

func (a *app) rotateTokenKey() *cobra.Command {
	return &cobra.Command{
		Use:   "token-key",
		Short: "Sign access tokens, and transaction tokens, with new keys",
		Long: `Sign access tokens (Vault) and transaction tokens (the gateway) with new keys from now on. Tokens that are out stay
good to their end.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.rotateSecrets(cmd.Context(), "token-key", nil) },
	}
}

func optionalName(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return exit.Usagef("name one, or none for all of them")
	}
	return nil
}

func (a *app) rotateSecrets(ctx context.Context, what string, args []string) error {
	client, _, err := a.running()
	if err != nil {
		return err
	}
	name := ""
	if len(args) == 1 {
		name = args[0]
	}
	done, err := client.Rotate(ctx, what, name)
	if err != nil {
		return err
	}
	table := &term.Table{Headers: []string{"what", "holder", "done"}}
	for _, r := range done {
		table.Add(term.Text(r.What), term.Text(r.Holder), term.Text(r.Done))
	}
	return a.output().Table(done, table)
}
