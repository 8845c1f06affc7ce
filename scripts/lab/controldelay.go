package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/term"
)

func (a *app) controlDelay() *cobra.Command {
	return &cobra.Command{
		Use:   "delay [service:control=duration]...",
		Short: "Inject known delays into controls, for a harness to find; none ends them; only in an unsafe lab",
		Long: `Have controls take longer by known times: exactly those that are given, and none when none is. The control's entry in the
ledger contains what was injected, and an entry "injected <control>" says how much that was, by the injector's own clock.
Only a service that had no delays before is restarted. Needs ` + stack.UnsafeLab + `=1.`,
		Example: "  REDOUBT_UNSAFE_LAB=1 lab control delay ingestion:app.policy=20us",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := unsafeDelays(args); err != nil {
				return err
			}
			client, _, err := a.running()
			if err != nil {
				return err
			}
			done, err := client.Delay(cmd.Context(), args)
			if err != nil {
				return err
			}
			out := a.output()
			return out.Print(done, func(w io.Writer) error {
				if len(done.Restarted) > 0 {
					fmt.Fprintf(w, "restarted: %s\n", strings.Join(done.Restarted, ", "))
				}
				if len(done.Delays) == 0 {
					_, err := fmt.Fprintln(w, "no delays are injected")
					return err
				}
				_, err := fmt.Fprintln(w, out.Paint(delayWarning(done.Delays), term.Bad))
				return err
			})
		},
	}
}

// unsafeDelays refuses delays that aren't asked for twice.
func unsafeDelays(given []string) error {
	if len(given) > 0 && os.Getenv(stack.UnsafeLab) != "1" {
		return exit.Usagef("this slows services down: set %s=1 to do it all the same", stack.UnsafeLab)
	}
	return nil
}

func delayWarning(delays []string) string {
	return list("UNSAFE: delays are injected: ", delays)
}
