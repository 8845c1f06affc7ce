package images

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// postgres is an image of the PostgreSQL that this machine has: its programs, the files that they read, and the libraries
// that they are linked to. initdb starts its server through a shell, so this image has one.
func postgres(ctx context.Context, bin string) (v1.Image, error) {
	var files layer
	share, err := ask(ctx, bin, "--sharedir")
	if err != nil {
		return nil, err
	}
	modules, err := ask(ctx, bin, "--pkglibdir")
	if err != nil {
		return nil, err
	}
	var programs []string
	for _, name := range []string{"postgres", "initdb", "pg_isready"} {
		programs = append(programs, filepath.Join(bin, name))
	}
	shell, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		return nil, err
	}
	files.copy("/bin/sh", shell, 0o755)
	dynamic := append([]string{shell}, programs...)
	for _, program := range programs {
		files.copy(program, program, 0o755)
	}
	// Procedural languages beside PostgreSQL's own, and just-in-time compilers, bring whole runtimes along.
	wanted := regexp.MustCompile(`^(plpgsql|dict_snowball|libpqwalreceiver|[a-z0-9_]*_and_[a-z0-9_]*|utf8_.*|euc.*)\.so$`)
	entries, err := os.ReadDir(modules)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if wanted.MatchString(entry.Name()) {
			module := filepath.Join(modules, entry.Name())
			files.copy(module, module, 0o755)
			dynamic = append(dynamic, module)
		}
	}
	for _, tree := range []string{share, "/usr/lib/locale/C.utf8"} {
		if err := files.tree(tree); err != nil {
			return nil, err
		}
	}
	files.copy("/usr/share/zoneinfo/UTC", "/usr/share/zoneinfo/UTC", 0o644)
	if err := files.libraries(ctx, dynamic); err != nil {
		return nil, err
	}
	files.add("/etc/passwd", []byte("root:x:0:0:root:/:/none\npostgres:x:999:999:PostgreSQL:/run/redoubt/postgres:/none\n"), 0o644)
	files.add("/etc/group", []byte("root:x:0:\npostgres:x:999:\n"), 0o644)
	return files.image(v1.Config{
		Entrypoint: []string{filepath.Join(bin, "postgres")}, User: "999:999", StopSignal: "SIGINT",
		Env: []string{"PATH=" + bin + ":/usr/bin:/bin", "LANG=C.UTF-8", "TZ=UTC"},
	}, "postgres")
}

func ask(ctx context.Context, bin, question string) (string, error) {
	said, err := exec.CommandContext(ctx, filepath.Join(bin, "pg_config"), question).Output()
	if err != nil {
		return "", fmt.Errorf("ask pg_config for %s: %w", question, err)
	}
	return string(bytes.TrimSpace(said)), nil
}
