package migration

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
)

// step is one migration.
type step struct {
	version             int
	name, sql, checksum string
}

var fileName = regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)

// load reads the files, in the order of their numbers.
func load(files fs.FS) ([]step, error) {
	var steps []step
	err := fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(p) != ".sql" {
			return err
		}
		m := fileName.FindStringSubmatch(d.Name())
		if m == nil {
			return fmt.Errorf("%s is not named 0001_what_it_does.sql", d.Name())
		}
		text, err := fs.ReadFile(files, p)
		if err != nil {
			return err
		}
		version, _ := strconv.Atoi(m[1]) // four digits
		sum := sha256.Sum256(text)
		steps = append(steps, step{version, d.Name(), string(text), hex.EncodeToString(sum[:])})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("migrate: read files: %w", err)
	}
	slices.SortFunc(steps, func(a, b step) int { return a.version - b.version })
	for i := 1; i < len(steps); i++ {
		if steps[i].version == steps[i-1].version {
			return nil, fmt.Errorf("migrate: %s and %s have the same number", steps[i-1].name, steps[i].name)
		}
	}
	return steps, nil
}

// plan returns the steps still to be taken, or everything that is wrong with the history.
func plan(steps []step, done map[int]string) (pending []step, err error) {
	latest := 0
	for version := range done {
		latest = max(latest, version)
	}
	var errs []error
	known := map[int]bool{}
	for _, s := range steps {
		known[s.version] = true
		switch checksum, applied := done[s.version]; {
		case applied && checksum != s.checksum:
			errs = append(errs, fmt.Errorf("migrate: %s was changed after it was applied; write a new migration instead", s.name))
		case !applied && s.version < latest:
			errs = append(errs, fmt.Errorf("migrate: %s comes before %04d, which was applied already; give it a new number", s.name, latest))
		case !applied:
			pending = append(pending, s)
		}
	}
	for version := range done {
		if !known[version] {
			errs = append(errs, fmt.Errorf("migrate: the database has migration %04d, which this program doesn't know", version))
		}
	}
	return pending, errors.Join(errs...)
}
