package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
)

// revoke is the verb; each subject is a command of its own.
func (a *app) revoke() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "revoke <subject> <id>",
		GroupID: groupRun,
		Short:   "Take back a lease, a token, an API key, or everything that a service has",
		Args:    cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Mend(exit.Usagef("say what to revoke"), "lab help revoke")
			}
			return exit.Mend(exit.Usagef("there is no subject %q", args[0]), "lab help revoke")
		},
	}
	cmd.AddCommand(
		a.revokeOne("lease", "End a database login: its sessions are over, its role is gone",
			"The service finds out when its next connection is refused, and leases another within seconds."),
		a.revokeOne("token", "End a Vault or Consul token, and every lease got with it",
			"Its holder logs in again with its identity document. To keep it out, revoke the service."),
		a.revokeOne("key", "End an API key; it stops working within a second", ""),
		a.revokeOne("service", "Take Vault, Consul and the mesh from a service, within two seconds",
			"Its processes go on running, and can do nothing: no identity document is issued to it, no login as it is accepted, its\n"+
				"tokens and database logins are ended, and intentions deny it in both directions. `lab start <service>` undoes it."),
	)
	return cmd
}

func (a *app) revokeOne(what, short, long string) *cobra.Command {
	if long != "" {
		long = short + ". " + long
	}
	return &cobra.Command{
		Use:   what + " <id>",
		Short: short,
		Long:  long,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return exit.Mend(exit.Usagef("name one %s", what), "lab secrets list"+a.dirFlag())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.revokeSecret(cmd.Context(), what, args[0]) },
	}
}

func (a *app) revokeSecret(ctx context.Context, what, id string) error {
	client, _, err := a.running()
	if err != nil {
		return err
	}
	if err := client.Revoke(ctx, what, id); err != nil {
		if exit.Code(err) == exit.Usage {
			return exit.Mend(err, "lab secrets list"+a.dirFlag())
		}
		return err
	}
	return a.output().Print(map[string]string{"what": what, "id": id, "state": "revoked"}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s %s: revoked\n", what, id)
		return err
	})
}
