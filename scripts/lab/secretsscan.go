package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"redoubt.example/infra/controlplane"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/leaks"
	"redoubt.example/scripts/internal/term"
)

func (a *app) secretsScan() *cobra.Command {
	return &cobra.Command{
		Use:   "scan [archive]...",
		Short: "Look for secrets where none may lie: processes, folders, logs, repository, binaries, archives",
		Long: `Look for secrets where none may lie: in every process's environment and command line, in the lab's folder with its
logs, in its runtime folder (where only short-lived identity documents and listeners' TLS keys may lie), in the
repository and in our own binaries. It knows tokens, keys and JWTs by their looks, and an access token that is live
by its value. Exit code 1 when something is found; what it says is where and what kind, never the value.

Named archives, releases or images, are looked into instead, layer by layer, and no lab is needed; - reads one from
standard input: ` + "`docker save <image> | lab secrets scan -`" + `.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			var found leaks.Result
			var err error
			if len(args) > 0 {
				found, err = scanArchives(args, cmd.InOrStdin())
			} else {
				found, err = a.scan(cmd.Context())
			}
			if err != nil {
				return err
			}
			out := a.output()
			if err := out.Print(found, func(w io.Writer) error { return writeScan(w, out, found) }); err != nil {
				return err
			}
			if n := len(found.Findings); n > 0 {
				return fmt.Errorf("%d secrets lie where none may", n)
			}
			return nil
		},
	}
}

func scanArchives(names []string, stdin io.Reader) (leaks.Result, error) {
	var s leaks.Scanner
	for _, name := range names {
		if name == "-" {
			if err := s.Archive("standard input", stdin); err != nil {
				return leaks.Result{}, err
			}
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return leaks.Result{}, exit.Usagef("%w", err)
		}
		err = s.Archive(filepath.Base(name), f)
		if err = errors.Join(err, f.Close()); err != nil {
			return leaks.Result{}, err
		}
	}
	return s.Result(), nil
}

func (a *app) scan(ctx context.Context) (leaks.Result, error) {
	client, record, err := a.running()
	if err != nil {
		return leaks.Result{}, err
	}
	repo, err := repository()
	if err != nil {
		return leaks.Result{}, err
	}
	dir, err := a.dir()
	if err != nil {
		return leaks.Result{}, err
	}
	status, err := client.Status(ctx)
	if err != nil {
		return leaks.Result{}, err
	}
	token, err := client.Token(ctx, "alice", nil)
	if err != nil {
		return leaks.Result{}, err
	}
	s := &leaks.Scanner{Canaries: map[string]string{"access token": token}}
	if err := scanProcesses(s, status); err != nil {
		return leaks.Result{}, err
	}
	if err := s.RunDir(record.RunDir); err != nil {
		return leaks.Result{}, err
	}
	if err := s.Dir(dir.Path()); err != nil {
		return leaks.Result{}, err
	}
	err = s.Repository(repo)
	return s.Result(), err
}

func scanProcesses(s *leaks.Scanner, status control.Status) error {
	for _, c := range status.Components {
		if c.PID == 0 {
			continue
		}
		if err := s.Process(c.PID, c.Name); err != nil {
			return err
		}
		switch c.Name {
		case controlplane.Vault, controlplane.Consul, controlplane.Postgres:
			continue // not ours: Vault's has a sample token built in, for instance
		}
		if err := s.Binary(c.PID); err != nil {
			return err
		}
	}
	return nil
}

func writeScan(w io.Writer, out term.Output, found leaks.Result) error {
	fmt.Fprintf(w, "%d processes, %d files, %s: %d findings\n", found.Processes, found.Files, term.Bytes(found.Bytes), len(found.Findings))
	if len(found.Findings) == 0 {
		return nil
	}
	table := &term.Table{Headers: []string{"where", "what"}}
	for _, f := range found.Findings {
		table.Add(term.Text(f.Where), term.Cell{Text: f.What, Style: term.Bad})
	}
	return table.Write(w, out.Colour)
}
