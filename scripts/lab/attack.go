package main

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/attack"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/services/platform/controls"
)

// attack is the verb; what to do with the suite is a command of its own.
func (a *app) attack() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "attack list|show|run|revert|status|prove|reach",
		GroupID: groupRun,
		Short:   "Attack the platform, and prove which control stops which attack",
		Args:    cobra.ArbitraryArgs,
		RunE:    subject("attack"),
	}
	cmd.AddCommand(a.attackList(), a.attackShow(), a.attackRun(), a.attackRevert(), a.attackStatus(), a.attackProve(), a.attackReach())
	return cmd
}

// suiteFolder is the checkout's: what is edited there is what runs.
func suiteFolder() (fs.FS, error) {
	repo, err := repository()
	if err != nil {
		return nil, err
	}
	return os.DirFS(filepath.Join(repo, "loadtest", "attacks")), nil
}

// selectAttacks are those that a person names: by ID or by a pattern like "edge.jwt.*"; all when none is named.
func selectAttacks(names []string) ([]attacks.Attack, error) {
	suite, err := suiteFolder()
	if err != nil {
		return nil, err
	}
	all, err := attacks.Read(suite)
	if err != nil {
		return nil, exit.Usagef("%w", err)
	}
	if len(names) == 0 {
		return all, nil
	}
	var chosen []attacks.Attack
	for _, name := range names {
		if _, err := path.Match(name, ""); err != nil {
			return nil, exit.Usagef("%q is no pattern: %w", name, err)
		}
		found := false
		for _, one := range all {
			if matches, _ := path.Match(name, one.ID); matches {
				found = true
				if !slices.ContainsFunc(chosen, func(c attacks.Attack) bool { return c.ID == one.ID }) {
					chosen = append(chosen, one)
				}
			}
		}
		if !found {
			return nil, exit.Mend(exit.Usagef("no attack is named %q", name), "lab attack list")
		}
	}
	return chosen, nil
}

// target is the lab that is up, as attacks need it.
func (a *app) target(ctx context.Context) (*attack.Lab, error) {
	client, record, status, err := a.ready(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := a.dir()
	if err != nil {
		return nil, err
	}
	generator, err := a.obtainK6(ctx)
	if err != nil {
		return nil, err
	}
	suite, err := suiteFolder()
	if err != nil {
		return nil, err
	}
	more, less := stack.Deviation(status.Profile, status.ControlsOff)
	return &attack.Lab{
		Deviation: append(more, less...),
		Client:    client, Status: status, RunDir: record.RunDir, Logs: dir.Logs(), K6: generator, Scripts: suite,
		Limited: limited(ctx, status), Model: slices.Contains(status.Settings, languageModel),
		Token: func(user string, scopes ...string) (string, error) { return client.Token(ctx, user, scopes) },
		Control: func(id string) (layer, owner string, ok bool) {
			c, ok := controls.Lookup(id)
			return string(c.Layer), c.Owner, ok
		},
	}, nil
}
