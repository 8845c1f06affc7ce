package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/stack"
)

func (a *app) token() *cobra.Command {
	var user, operator string
	var scopes []string
	cmd := &cobra.Command{
		Use:     "token --user <name>|--operator consul|vault",
		GroupID: groupRun,
		Short:   "Print an access token of a demo user: alice, bob, carol, dave or erin",
		Long: `Print an access token of a demo user, and nothing else. It is good for 15 minutes and for the scopes
given, or for all that the user may have. Erin is the one who measures: her scope bench has answers say where their time went.

With --operator it is the operator's identity document instead, to log in with to Consul (auth method "workloads") or Vault (auth/jwt, role
"operator") within two minutes, and to change something there by hand: sentinel says so, and lab posture what differs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case (user == "") == (operator == ""):
				return exit.Usagef("say whose token with --user, or with --operator for which server")
			case operator != "":
				return a.operatorDocument(cmd.Context(), operator)
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
	cmd.Flags().StringVar(&operator, "operator", "", "the operator's document for "+strings.Join(operated, " or "))
	cmd.Flags().StringArrayVar(&scopes, "scope", nil, "only this scope; repeat it for more, or separate them by spaces or commas")
	return cmd
}

// operated are the servers in which the operator may change something.
var operated = []string{controlplane.Consul, controlplane.Vault}

func (a *app) operatorDocument(ctx context.Context, server string) error {
	if !slices.Contains(operated, server) {
		return exit.Usagef("the operator logs in to %s, not to %q", strings.Join(operated, " or "), server)
	}
	client, _, err := a.running()
	if err != nil {
		return err
	}
	document, err := client.OperatorDocument(ctx, server)
	if err != nil {
		return err
	}
	return a.output().Print(map[string]string{"document": document}, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, document)
		return err
	})
}

func splitScopes(given []string) (scopes []string) {
	for _, text := range given {
		scopes = append(scopes, strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })...)
	}
	return scopes
}
