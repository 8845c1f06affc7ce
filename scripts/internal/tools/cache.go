package tools

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// systemCache is root's cache. Others read it too: only root can have written it.
const systemCache = "/var/cache/redoubt"

// Cache is where obtained programs are kept:
//
//	tools/<name>-<version>    consul, vault
//	bin/<checkout>/           the platform's own binaries, and k6
type Cache struct {
	Root   string
	Shared string // also looked at, never written; "" for none
}

// UserCache is the user's cache folder; root's can be executed from by the workloads' own users.
func UserCache() (Cache, error) {
	if os.Geteuid() == 0 {
		return Cache{Root: systemCache}, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return Cache{}, fmt.Errorf("find the cache folder: %w", err)
	}
	return Cache{Root: filepath.Join(dir, "redoubt"), Shared: systemCache}, nil
}

func (c Cache) tools() (string, error) { return c.folder("tools") }

// Bin is the folder for the binaries of one checkout, made if need be.
func (c Cache) Bin(repo string) (string, error) {
	sum := sha256.Sum256([]byte(repo))
	return c.folder("bin", hex.EncodeToString(sum[:6]))
}

// folder is open to other users whatever the umask: they execute what is in it.
func (c Cache) folder(elem ...string) (string, error) {
	path := c.Root
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	for _, e := range append([]string{""}, elem...) {
		path = filepath.Join(path, e)
		if err := os.Mkdir(path, 0o755); err == nil {
			err = os.Chmod(path, 0o755)
			if err != nil {
				return "", fmt.Errorf("make the cache folder: %w", err)
			}
		} else if !os.IsExist(err) {
			return "", fmt.Errorf("make the cache folder: %w", err)
		}
	}
	return path, nil
}

// find returns a cached tool's path, or "".
func (c Cache) find(t Tool) string {
	for _, root := range []string{c.Root, c.Shared} {
		if root == "" {
			continue
		}
		path := filepath.Join(root, "tools", t.Pin())
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o100 != 0 {
			return path
		}
	}
	return ""
}

// ForEveryone tells whether any user can execute a file: workloads have users of their own.
func ForEveryone(path string) bool {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	for ; path != "/"; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil || info.Mode()&0o001 == 0 {
			return false
		}
	}
	return true
}
