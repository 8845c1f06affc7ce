package main

import (
	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
)

// policy is the verb; what to do with it is a command of its own.
func (a *app) policy() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "policy <explain|push>",
		GroupID: groupLook,
		Short:   "Ask which layer stops a request and why; change the rules while the platform serves",
		Args:    cobra.ArbitraryArgs,
		RunE:    subject("policy"),
	}
	cmd.AddCommand(a.policyExplain(), a.policyPush())
	return cmd
}

// subject refuses a verb that lacks its second word, or has a wrong one.
func subject(verb string) func(*cobra.Command, []string) error {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return exit.Mend(exit.Usagef("%s what?", verb), "lab help "+verb)
		}
		return exit.Mend(exit.Usagef("there is no %s %q", verb, args[0]), "lab help "+verb)
	}
}
