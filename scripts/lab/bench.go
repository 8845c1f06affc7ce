package main

import "github.com/spf13/cobra"

func (a *app) bench() *cobra.Command {
	cmd := a.benchPlatform()
	cmd.AddCommand(a.benchMesh(), a.benchSecrets(), a.benchAuthz(), a.benchGateway(), a.benchFlood(), a.benchVerify(), a.benchChain(), a.benchContainers())
	return cmd
}
