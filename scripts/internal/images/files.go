package images

import (
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
)

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

// static tells whether a program needs no library. What can't be read is left for ldd to complain of.
func static(program string) bool {
	file, err := elf.Open(program)
	if err != nil {
		return false
	}
	defer file.Close()
	libraries, err := file.ImportedLibraries()
	return err == nil && len(libraries) == 0
}

// library is a line of ldd's: "libpam.so.0 => /lib/x86_64-linux-gnu/libpam.so.0 (0x...)", or the loader's own.
var library = regexp.MustCompile(`(?:=> )?(/\S+) \(0x`)

// libraries takes what the loader would load for these programs, at the places where it looks.
func (l *layer) libraries(ctx context.Context, programs []string) error {
	programs = slices.DeleteFunc(slices.Clone(programs), static)
	if len(programs) == 0 {
		return nil
	}
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
