package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/stack"
)

func (a *app) token() *cobra.Command {
	var user string
	var scopes []string
	cmd := &cobra.Command{
		Use:     "token --user <name>",
		GroupID: groupRun,
		Short:   "Print an access token of a demo user: alice, bob, carol, dave or erin",
		Long: `Print an access token of a demo user, and nothing else. It is good for 15 minutes and for the scopes
given, or for all that the user may have. Erin is the one who measures: her scope bench has answers say where their time went.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if user == "" {
				return exit.Usagef("say whose token with --user")
			}
			top, err := topology.Load()
			if err != nil {
				return err
			}
			asked := splitScopes(scopes)
			if err := stack.CheckUser(top, user, asked); err != nil {
				return exit.Usagef("%w", err)
			}
			client, _, err := a.running()
			if err != nil {
				return err
			}
			token, err := client.Token(cmd.Context(), user, asked)
			if err != nil {
				return err
			}
			return a.output().Print(map[string]string{"access_token": token}, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, token)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "whose")
	cmd.Flags().StringArrayVar(&scopes, "scope", nil, "only this scope; repeat it for more, or separate them by spaces or commas")
	return cmd
}

func splitScopes(given []string) (scopes []string) {
	for _, text := range given {
		scopes = append(scopes, strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })...)
	}
	return scopes
}
