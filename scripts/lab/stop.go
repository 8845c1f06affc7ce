package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
)

func (a *app) stop() *cobra.Command {
	return &cobra.Command{
		Use:     "stop <component>",
		GroupID: groupRun,
		Short:   "Stop one component and hold it down until `lab start`",
		Args:    oneComponent,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.order(cmd.Context(), args[0], "stopped", (*control.Client).Hold)
		},
	}
}

// order has one component stopped or started, and says so.
func (a *app) order(ctx context.Context, name, state string, do func(*control.Client, context.Context, string) error) error {
	client, _, err := a.running()
	if err != nil {
		return err
	}
	if err := do(client, ctx, name); err != nil {
		if exit.Code(err) == exit.Usage {
			return exit.Mend(err, "lab status"+a.dirFlag())
		}
		return err
	}
	return a.output().Print(map[string]string{"component": name, "state": state}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: %s\n", name, state)
		return err
	})
}

func oneComponent(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return exit.Mend(exit.Usagef("name one component"), "lab status")
	}
	return nil
}
