package tools

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/hashicorp/go-version"

	"redoubt.example/infra/process"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/term"
)

var acceptPostgres = constraint(">= 14")

// postgresFolders is where distributions keep PostgreSQL's programs, which they leave off PATH.
var postgresFolders = []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin"}

// FindPostgres returns the folder of the newest PostgreSQL that will do.
func FindPostgres(ctx context.Context) (Found, error) { return findPostgres(ctx, postgresFolders) }

func findPostgres(ctx context.Context, patterns []string) (Found, error) {
	var folders []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			folders = append(folders, filepath.Dir(path))
		}
	}
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern)
		folders = append(folders, found...)
	}
	best, newest, reason := Found{}, (*version.Version)(nil), ErrMissing
	for _, folder := range folders {
		if _, err := os.Stat(filepath.Join(folder, "initdb")); err != nil {
			continue
		}
		v, err := askVersion(ctx, filepath.Join(folder, "postgres"), "--version")
		switch {
		case err != nil:
			reason = err
		case !acceptPostgres.Check(v):
			reason = fmt.Errorf("PostgreSQL %s in %s isn't %s", v, folder, acceptPostgres)
		case newest == nil || v.GreaterThan(newest):
			best, newest = Found{Path: folder, Version: v.String(), Where: folder}, v
		}
	}
	if newest == nil {
		return Found{}, reason
	}
	return best, nil
}

// PostgresCommand is what installs PostgreSQL, in words for a person.
const PostgresCommand = "sudo apt-get install postgresql"

// CanInstall tells whether packages can be installed without asking anybody.
func CanInstall() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil && os.Geteuid() == 0
}

// ObtainPostgres returns the folder of PostgreSQL's programs, installing the distribution's package where that is
// possible.
func ObtainPostgres(ctx context.Context, progress *term.Progress) (string, error) {
	found, err := FindPostgres(ctx)
	if err == nil {
		return found.Path, nil
	}
	if !CanInstall() {
		return "", exit.Mend(fmt.Errorf("PostgreSQL 14 or newer is needed: %w", err), PostgresCommand)
	}
	task := progress.Task("postgresql", "installing the distribution's package")
	if err := installPostgres(ctx); err != nil {
		task.End("")
		return "", exit.Mend(fmt.Errorf("install PostgreSQL: %w", err), PostgresCommand)
	}
	found, err = FindPostgres(ctx)
	if err != nil {
		task.End("")
		return "", exit.Mend(fmt.Errorf("PostgreSQL 14 or newer is needed: %w", err), PostgresCommand)
	}
	task.End("installed %s", found.Version)
	return found.Path, nil
}

// noCluster keeps Debian's package from making and starting a database server of the system's own, for as long as
// the installation lasts.
const noCluster = "/etc/postgresql-common/createcluster.d/redoubt.conf"

func installPostgres(ctx context.Context) (err error) {
	if err := os.MkdirAll(filepath.Dir(noCluster), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(noCluster, []byte("create_main_cluster = false\n"), 0o644); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(noCluster)) }()
	for _, args := range [][]string{
		{"update"},
		{"install", "-y", "--no-install-recommends", "postgresql"},
	} {
		err := run(ctx, process.Spec{Name: "apt-get " + args[0], Path: "/usr/bin/apt-get", Args: args,
			Env: append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")})
		if err != nil {
			return err
		}
	}
	return nil
}
