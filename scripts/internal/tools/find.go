package tools

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Found is a tool that is there.
type Found struct {
	Path    string
	Version string
	Where   string // "PATH" or "cache"
}

// Find looks for a tool without changing anything. Where there is none, the error says what was wrong with the
// system's one, or is ErrMissing.
func (c Cache) Find(ctx context.Context, t Tool) (Found, error) {
	found, refused := onPath(ctx, t)
	if refused == nil {
		return found, nil
	}
	if path := c.find(t); path != "" {
		return Found{Path: path, Version: t.Pinned, Where: "cache"}, nil
	}
	return Found{}, refused
}

// ErrMissing: the tool is nowhere.
var ErrMissing = fmt.Errorf("not installed")

func onPath(ctx context.Context, t Tool) (Found, error) {
	if !t.released() {
		return Found{}, ErrMissing // the system's may need the system's libraries
	}
	path, err := exec.LookPath(t.Name)
	if err != nil {
		return Found{}, ErrMissing
	}
	if path, err = filepath.Abs(path); err != nil {
		return Found{}, err
	}
	if os.Geteuid() == 0 && !ForEveryone(path) {
		return Found{}, fmt.Errorf("%s can't be executed by other users than root", path)
	}
	v, err := askVersion(ctx, path, "version")
	if err != nil {
		return Found{}, err
	}
	if err := t.usable(v); err != nil {
		return Found{}, err
	}
	return Found{Path: path, Version: v.String(), Where: "PATH"}, nil
}
