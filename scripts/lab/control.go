package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/services/platform/controls"
)

// listedControl is a line of `lab control list --json`.
type listedControl struct {
	ID       string `json:"id"`
	Layer    string `json:"layer"`
	Owner    string `json:"owner"`
	Stops    string `json:"stops"`
	Standard string `json:"standard"`
	Off      bool   `json:"off"` // in the lab of --dir, if one is up
}

func (a *app) controlVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "control list|off|on|delay",
		GroupID: groupRun,
		Short:   "List the security controls, or switch them off and on in an unsafe lab",
		Args:    cobra.ArbitraryArgs,
		RunE:    subject("control"),
	}
	cmd.AddCommand(a.controlList(), a.controlOff(), a.controlOn(), a.controlDelay())
	return cmd
}

func (a *app) controlList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List every control: where it acts, which process enforces it, what it stops",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var off []string
			if client, _, err := a.running(); err == nil {
				now, err := client.ControlsOff(cmd.Context())
				if err != nil {
					return err
				}
				for _, o := range now.Off {
					off = append(off, o.Control)
				}
			}
			list := []listedControl{}
			table := &term.Table{Headers: []string{"control", "layer", "owner", "state", "~stops"}}
			for _, c := range controls.All() {
				l := listedControl{c.ID, string(c.Layer), c.Owner, c.Stops, c.Standard, slices.Contains(off, c.ID)}
				state := term.Text("on")
				switch {
				case c.Owner == controls.Engine:
					state = term.Text("with containers")
				case c.Owner == controls.Supervisor && !l.Off:
					state = term.Text("with a page")
				case l.Off:
					state = term.Cell{Text: "OFF", Style: term.Bad}
				}
				list = append(list, l)
				table.Add(term.Text(l.ID), term.Text(l.Layer), term.Text(l.Owner), state, term.Text(l.Stops))
			}
			return a.output().Table(list, table)
		},
	}
}

func (a *app) controlOff() *cobra.Command {
	var target string
	cmd := &cobra.Command{
		Use:   "off <control>...",
		Short: "Switch controls off, to see what they stop; only in an unsafe lab",
		Long: `Switch controls off: the processes that enforce them are restarted without, within a second or so. Everything says so
loudly. Needs ` + stack.UnsafeLab + `=1. ` + "`lab control on`" + ` without names switches everything on again.`,
		Example: "  REDOUBT_UNSAFE_LAB=1 lab control off edge.jwt.signature",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if os.Getenv(stack.UnsafeLab) != "1" {
				return exit.Usagef("this switches security controls off: set %s=1 to do it all the same", stack.UnsafeLab)
			}
			if len(args) == 0 {
				return exit.Mend(exit.Usagef("name a control"), "lab control list")
			}
			return a.switchControls(cmd.Context(), func(off []control.Switch) ([]control.Switch, error) {
				for _, id := range args {
					if s := (control.Switch{Control: id, Target: target}); !slices.Contains(off, s) {
						off = append(off, s)
					}
				}
				return off, nil
			})
		},
	}
	cmd.Flags().StringVar(&target, "target", "", "only in this service, where several enforce the control")
	return cmd
}

func (a *app) controlOn() *cobra.Command {
	return &cobra.Command{
		Use:   "on [control]...",
		Short: "Switch controls on again; all of them when none is named",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.switchControls(cmd.Context(), func(off []control.Switch) ([]control.Switch, error) {
				for _, id := range args {
					if _, ok := controls.Lookup(id); !ok {
						return nil, exit.Mend(exit.Usagef("no control has the ID %q", id), "lab control list")
					}
				}
				return slices.DeleteFunc(off, func(o control.Switch) bool { return len(args) == 0 || slices.Contains(args, o.Control) }), nil
			})
		},
	}
}

func (a *app) switchControls(ctx context.Context, change func([]control.Switch) ([]control.Switch, error)) error {
	client, _, err := a.running()
	if err != nil {
		return err
	}
	now, err := client.ControlsOff(ctx)
	if err != nil {
		return err
	}
	off, err := change(now.Off)
	if err != nil {
		return err
	}
	done, err := client.SwitchControls(ctx, off)
	if err != nil {
		return err
	}
	out := a.output()
	return out.Print(done, func(w io.Writer) error {
		if len(done.Restarted) > 0 {
			fmt.Fprintf(w, "restarted: %s\n", strings.Join(done.Restarted, ", "))
		}
		if len(done.Off) == 0 {
			_, err := fmt.Fprintln(w, "all controls are on")
			return err
		}
		names := make([]string, len(done.Off))
		for i, o := range done.Off {
			names[i] = o.Control
		}
		_, err := fmt.Fprintln(w, out.Paint("UNSAFE: off: "+strings.Join(names, ", "), term.Bad))
		return err
	})
}
