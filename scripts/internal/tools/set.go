package tools

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"redoubt.example/scripts/internal/term"
)

// Set is everything that a lab executes.
type Set struct {
	Consul, Vault string // programs
	Postgres      string // the folder of PostgreSQL's programs
	Bin           string // the folder of the platform's own binaries
}

// Servers obtains what the platform stands on, side by side: a build's last step, linking, keeps one processor only.
func (c Cache) Servers(ctx context.Context, repo string, progress *term.Progress) (set Set, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { set.Vault, err = c.Obtain(ctx, repo, Vault, progress); return })
	group.Go(func() (err error) { set.Consul, err = c.Obtain(ctx, repo, Consul, progress); return })
	group.Go(func() (err error) { set.Postgres, err = ObtainPostgres(ctx, progress); return })
	return set, group.Wait()
}

// All is Servers and the platform's own binaries.
func (c Cache) All(ctx context.Context, repo string, progress *term.Progress) (Set, error) {
	set, err := c.Servers(ctx, repo, progress)
	if err != nil {
		return Set{}, err
	}
	if set.Bin, err = c.Bin(repo); err != nil {
		return Set{}, err
	}
	began := time.Now()
	task := progress.Task("platform", "building what has changed")
	if err := BuildPlatform(ctx, repo, set.Bin); err != nil {
		task.End("")
		return Set{}, err
	}
	if took := time.Since(began); took > 5*time.Second {
		task.End("built in %s", term.Seconds(took))
	} else {
		task.End("")
	}
	return set, nil
}
