package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/logfile"
)

type logsOptions struct {
	component string
	follow    bool
	id        string
	files     bool
	lines     int
}

func (a *app) logs() *cobra.Command {
	var o logsOptions
	cmd := &cobra.Command{
		Use:     "logs [component]",
		GroupID: groupLook,
		Short:   "Show logs; --id finds one request in all of them",
		Long: `Show one component's log, or all of them in the order of time. They stay after ` + "`lab down`" + `, until the next start.

With --id it is sentinel who is asked, where it is up: it has what all services have to say of a request, in order. Without it, and with
--files, the lines are looked for in the logs, which have more than security events.

With --json each line is printed as it was logged, with the component's name added.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.component = args[0]
			}
			if !cmd.Flags().Changed("lines") && o.id != "" {
				o.lines = 0
			}
			return a.showLogs(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on with what is logged from now on, until Ctrl-C")
	cmd.Flags().StringVar(&o.id, "id", "", "only the request with this id (the response's X-Request-Id)")
	cmd.Flags().BoolVar(&o.files, "files", false, "with --id: look in the logs rather than ask sentinel")
	cmd.Flags().IntVarP(&o.lines, "lines", "n", 100, "the last so many lines; 0 for all (--id shows all)")
	return cmd
}

func (a *app) showLogs(ctx context.Context, o logsOptions) error {
	dir, err := a.dir()
	if err != nil {
		return err
	}
	if o.id != "" && o.component == "" && !o.follow && !o.files {
		if lines := a.story(ctx, o.id); len(lines) > 0 {
			return a.printLines(lines)
		}
	}
	readers, err := logfile.Open(dir.Logs(), o.component)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return exit.Mend(exit.Usagef("%s has no log of %s", a.path, o.component), "lab status"+a.dirFlag())
	case err != nil:
		return err
	case len(readers) == 0:
		return exit.Mend(fmt.Errorf("there are no logs in %s", a.path), "lab up"+a.dirFlag())
	}
	lines, err := a.newLines(readers, o)
	if err != nil {
		return err
	}
	if o.lines > 0 && len(lines) > o.lines {
		lines = lines[len(lines)-o.lines:]
	}
	if len(lines) == 0 && o.id != "" && !o.follow {
		return fmt.Errorf("no component logged a request %s", o.id)
	}
	if err := a.printLines(lines); err != nil || !o.follow {
		return err
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		lines, err := a.newLines(readers, o)
		if err != nil {
			return err
		}
		if err := a.printLines(lines); err != nil {
			return err
		}
	}
}

func (a *app) newLines(readers []*logfile.Reader, o logsOptions) ([]logfile.Line, error) {
	lines, err := logfile.Merge(readers)
	if err != nil || o.id == "" {
		return lines, err
	}
	found := lines[:0]
	for _, l := range lines {
		if l.ID() == o.id {
			found = append(found, l)
		}
	}
	return found, nil
}

// printLines writes JSON lines rather than one array: a log that is followed has no end.
func (a *app) printLines(lines []logfile.Line) error {
	for _, l := range lines {
		text := l.Text()
		if a.json {
			text = l.JSON()
		}
		if _, err := fmt.Println(text); err != nil {
			return err
		}
	}
	return nil
}
