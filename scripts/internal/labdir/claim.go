package labdir

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/filelock"
	"redoubt.example/scripts/internal/procfs"
)

// runDirPrefix is where runtime folders lie: short, and open to every user that a workload may have.
const runDirPrefix = "/tmp/redoubt-"

// Needed is the room on disk for the databases and logs of a lab's short life.
const Needed = 512 << 20

// Claim is a lab's folder in the hands of its one supervisor.
type Claim struct {
	Dir
	Record
	lock *os.File
}

// Claim makes the folder ours: what a killed supervisor left is removed, and a fresh runtime folder made.
func (d Dir) Claim() (*Claim, error) {
	if err := d.prepare(); err != nil {
		return nil, err
	}
	lock, err := filelock.Try(d.lock())
	switch {
	case errors.Is(err, filelock.ErrHeld):
		return nil, d.AlreadyUp()
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", d.path, err)
	}
	c := &Claim{Dir: d, lock: lock}
	if err := c.begin(); err != nil {
		return nil, errors.Join(err, c.Release())
	}
	return c, nil
}

// AlreadyUp is the refusal of a second lab in one folder.
func (d Dir) AlreadyUp() error {
	return exit.Mend(fmt.Errorf("a lab is already up in %s", d.path), "lab down --dir "+d.path)
}

// prepare makes the folder, and refuses one that holds something else.
func (d Dir) prepare() error {
	if entries, err := os.ReadDir(d.path); err == nil && len(entries) > 0 {
		if _, err := os.Stat(d.lock()); err != nil {
			return exit.Usagef("%s holds other things than a lab: name an empty or a new folder with --dir", d.path)
		}
	}
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return fmt.Errorf("make the lab's folder: %w", err)
	}
	for _, path := range []string{d.path, filepath.Dir(runDirPrefix)} {
		if free := FreeBytes(path); free < Needed {
			return fmt.Errorf("the disk is too full: %s has %d MiB left, a lab needs %d", path, free>>20, Needed>>20)
		}
	}
	return nil
}

func (c *Claim) begin() error {
	if err := c.clean(); err != nil {
		return err
	}
	if err := os.RemoveAll(c.Logs()); err != nil {
		return fmt.Errorf("clear old logs: %w", err)
	}
	if err := os.Mkdir(c.Logs(), 0o700); err != nil {
		return fmt.Errorf("make the log folder: %w", err)
	}
	self, err := procfs.Read(os.Getpid())
	if err != nil {
		return err
	}
	run, err := os.MkdirTemp(filepath.Dir(runDirPrefix), filepath.Base(runDirPrefix))
	if err != nil {
		return fmt.Errorf("make the runtime folder: %w", err)
	}
	c.Record = Record{PID: os.Getpid(), StartTime: self.Start, RunDir: run, Started: time.Now()}
	if err := os.Chmod(run, 0o711); err != nil { // each workload reaches its own folder below, and lists nothing
		return err
	}
	raw, err := json.MarshalIndent(c.Record, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.record(), append(raw, '\n'), 0o600)
}

// Clean removes what a killed supervisor left, unless a lab is up.
func (d Dir) Clean() error {
	if _, err := os.Stat(d.lock()); err != nil {
		return nil // never was a lab's folder
	}
	lock, err := filelock.Try(d.lock())
	if errors.Is(err, filelock.ErrHeld) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", d.path, err)
	}
	return errors.Join(d.clean(), lock.Close())
}

// clean removes what the last supervisor left when it was killed. Its processes died with it.
func (d Dir) clean() error {
	last, err := d.read()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = removeRunDir(last.RunDir)
	}
	return errors.Join(err, os.Remove(d.record()), removeIfThere(d.CAFile()))
}

// Release removes everything but the logs, and lets the next supervisor in.
func (c *Claim) Release() error {
	err := errors.Join(
		removeRunDir(c.RunDir),
		removeIfThere(c.record()),
		removeIfThere(c.CAFile()),
		c.lock.Close(),
	)
	if err != nil {
		return fmt.Errorf("clean up: %w", err)
	}
	return nil
}

// removeRunDir refuses any folder that isn't a runtime folder of ours, whatever lab.json says.
func removeRunDir(path string) error {
	if path == "" {
		return nil
	}
	if !strings.HasPrefix(path, runDirPrefix) || filepath.Clean(path) != path || strings.Contains(path[len(runDirPrefix):], "/") {
		return fmt.Errorf("%s is no runtime folder of a lab: not removed", path)
	}
	return os.RemoveAll(path)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// FreeBytes is the room on the file system of a folder, which needn't exist yet.
func FreeBytes(path string) int64 {
	for ; ; path = filepath.Dir(path) {
		var s unix.Statfs_t
		if err := unix.Statfs(path, &s); err == nil {
			return int64(s.Bavail) * s.Bsize
		}
		if path == filepath.Dir(path) {
			return 0
		}
	}
}
