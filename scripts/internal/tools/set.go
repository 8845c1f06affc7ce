package tools

import (
	"context"
	"path/filepath"
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

// Observability obtains what takes the platform's traces and metrics in.
func (c Cache) Observability(ctx context.Context, repo string, progress *term.Progress) (jaeger, prometheus string, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { jaeger, err = c.Obtain(ctx, repo, Jaeger, progress); return })
	group.Go(func() (err error) { prometheus, err = c.Obtain(ctx, repo, Prometheus, progress); return })
	return jaeger, prometheus, group.Wait()
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
	return set, reported(progress, "platform", func() error { return buildPlatform(ctx, repo, set.Bin) })
}

// K6 builds the load generator, where it isn't up to date, and returns its path.
func (c Cache) K6(ctx context.Context, repo string, progress *term.Progress) (path string, err error) {
	bin, err := c.Bin(repo)
	if err != nil {
		return "", err
	}
	path = filepath.Join(bin, "k6")
	return path, reported(progress, "k6", func() error { return build(ctx, filepath.Join(repo, "loadtest", "k6"), path, ".") })
}

// reported shows a build while it lasts, and afterwards if it took long.
func reported(progress *term.Progress, name string, do func() error) error {
	began := time.Now()
	task := progress.Task(name, "building what has changed")
	err := do()
	if took := time.Since(began); err == nil && took > 5*time.Second {
		task.End("built in %s", term.Seconds(took))
	} else {
		task.End("")
	}
	return err
}
