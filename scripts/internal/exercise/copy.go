// Package exercise breaks a lab that runs, has a learner mend it by editing real files in a copy, and grades what came out:
// by attacks that have to be blocked with evidence, by honest users who have to be served, and by what a request costs.
package exercise

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"redoubt.example/threatmodel"
)

// Copy is the learner's: of the repository's files those that the exercise is about, at their paths.
type Copy struct {
	Repo   string // the checkout
	Folder string // of the copy; absolute
	Files  []string
}

// NewCopy writes the exercise's files to a folder, broken. What is there already is an error that Is fs.ErrExist.
func NewCopy(repo, folder string, e threatmodel.Exercise) (Copy, error) {
	c := Copy{Repo: repo, Folder: folder, Files: e.Copied()}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return c, err
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		return c, fmt.Errorf("copy the exercise's files: %w", err)
	}
	return c, c.Reset(e.Breaks)
}

// Reset writes all files anew, as they are in the repository but for these edits.
func (c Copy) Reset(edits []threatmodel.Edit) error {
	for _, name := range c.Files {
		text, err := os.ReadFile(filepath.Join(c.Repo, name))
		if err != nil {
			return fmt.Errorf("copy the exercise's files: %w", err)
		}
		path := c.path(name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return c.Edit(edits)
}

// Edit makes edits in the copy. A text that isn't there exactly once is an error: the files have changed since the exercise
// was written.
func (c Copy) Edit(edits []threatmodel.Edit) error {
	var errs []error
	for _, e := range edits {
		text, err := os.ReadFile(c.path(e.File))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if n := strings.Count(string(text), e.Old); n != 1 {
			errs = append(errs, fmt.Errorf("%s has %d times, and not once, what is to be replaced: %q", e.File, n, e.Old))
			continue
		}
		if err := os.WriteFile(c.path(e.File), []byte(strings.Replace(string(text), e.Old, e.New, 1)), 0o644); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Changed are the files of the copy that differ from the repository's, with their texts. New files beside them don't count, and
// one that was deleted is an error.
func (c Copy) Changed() (map[string]string, error) {
	changed := map[string]string{}
	for _, name := range c.Files {
		theirs, err := os.ReadFile(filepath.Join(c.Repo, name))
		if err != nil {
			return nil, err
		}
		text, err := os.ReadFile(c.path(name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is missing in %s", name, c.Folder)
		}
		if err != nil {
			return nil, err
		}
		if string(text) != string(theirs) {
			changed[name] = string(text)
		}
	}
	return changed, nil
}

func (c Copy) path(name string) string { return filepath.Join(c.Folder, filepath.FromSlash(name)) }
