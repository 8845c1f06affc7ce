package main

import (
	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/control"
)

func (a *app) start() *cobra.Command {
	return &cobra.Command{
		Use:     "start <component>",
		GroupID: groupRun,
		Short:   "Start a component that was stopped, and wait until it is ready",
		Args:    oneComponent,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.order(cmd.Context(), args[0], "ready", (*control.Client).Release)
		},
	}
}
