package main

import (
	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
)

// rotate is the verb; each subject is a command of its own.
func (a *app) rotate() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rotate <subject>",
		GroupID: groupRun,
		Short:   "Replace a key or certificate while the platform serves",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Mend(exit.Usagef("say what to rotate"), "lab help rotate")
			}
			return exit.Mend(exit.Usagef("there is no subject %q", args[0]), "lab help rotate")
		},
	}
	cmd.AddCommand(a.rotateLeaf(), a.rotateCA(), a.rotateDB(), a.rotateTransit(), a.rotateTokenKey())
	return cmd
}
