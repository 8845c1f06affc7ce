package main

import "github.com/spf13/cobra"

func (a *app) bench() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bench",
		GroupID: groupRun,
		Short:   "Measure what things cost, in microseconds",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.benchMesh(), a.benchSecrets(), a.benchAuthz(), a.benchGateway(), a.benchFlood())
	return cmd
}
