package controlplanetest

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

type tools struct{ consul, vault, postgres string }

// findTools looks where the lab does: a variable, PATH, the lab's cache; for PostgreSQL also Debian's folders.
func findTools(t testing.TB) tools {
	t.Helper()
	found := tools{
		consul: findBinary("REDOUBT_TEST_CONSUL", "consul"),
		vault:  findBinary("REDOUBT_TEST_VAULT", "vault"),
	}
	if server := findPostgres(); server != "" {
		found.postgres = filepath.Dir(server)
	}
	switch {
	case found.consul == "":
		t.Skip("no Consul on this machine: `go run ./scripts/lab test` gets it, or name one in REDOUBT_TEST_CONSUL")
	case found.vault == "":
		t.Skip("no Vault on this machine: `go run ./scripts/lab test` gets it, or name one in REDOUBT_TEST_VAULT")
	case found.postgres == "":
		t.Skip("no PostgreSQL on this machine: `apt-get install postgresql`")
	}
	return found
}

func findBinary(variable, name string) string {
	if path := os.Getenv(variable); path != "" {
		return path
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	patterns := []string{filepath.Join("/var/cache/redoubt", "tools", name+"-*")} // where root's lab keeps them
	if cache, err := os.UserCacheDir(); err == nil {
		patterns = append(patterns, filepath.Join(cache, "redoubt", "tools", name+"-*"))
	}
	return newest(patterns...)
}

func findPostgres() string {
	if dir := os.Getenv("REDOUBT_TEST_POSTGRES"); dir != "" {
		return filepath.Join(dir, "postgres")
	}
	if path := newest("/usr/lib/postgresql/*/bin/postgres"); path != "" {
		return path
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

func newest(patterns ...string) string {
	var all []string
	for _, pattern := range patterns {
		matches, _ := filepath.Glob(pattern)
		all = append(all, matches...)
	}
	if len(all) == 0 {
		return ""
	}
	slices.Sort(all)
	return all[len(all)-1]
}

// owners: PostgreSQL refuses to run as root, so root lends it the package's own user.
func owners() (func(string) (int, int), error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("as root, PostgreSQL needs the user its package makes: %w", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	return func(component string) (int, int) {
		if component == "postgres" {
			return uid, gid
		}
		return 0, 0
	}, nil
}
