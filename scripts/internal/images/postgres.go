package images

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

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

// tree takes a folder's files, following links.
func (l *layer) tree(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return nil // a link to nowhere, or into a folder: documentation
		}
		l.copy(path, path, 0o644)
		return nil
	})
}

// linked tells whether a program is linked to libraries when it starts.
func linked(program string) (bool, error) {
	file, err := elf.Open(program)
	if err != nil {
		return false, fmt.Errorf("what %s is linked to: %w", program, err)
	}
	defer file.Close()
	return slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }), nil
}

// library is a line of ldd's: "libpam.so.0 => /lib/x86_64-linux-gnu/libpam.so.0 (0x...)", or the loader's own.
var library = regexp.MustCompile(`(?:=> )?(/\S+) \(0x`)

// libraries takes what the loader would load for these programs, at the places where it looks.
func (l *layer) libraries(ctx context.Context, programs []string) error {
	said, err := exec.CommandContext(ctx, "ldd", programs...).Output()
	if err != nil {
		return fmt.Errorf("list libraries: %w", err)
	}
	if strings.Contains(string(said), "not found") {
		return fmt.Errorf("list libraries: one is missing")
	}
	for _, found := range library.FindAllStringSubmatch(string(said), -1) {
		if !l.has(found[1]) {
			l.copy(found[1], found[1], 0o755)
		}
	}
	return nil
}
