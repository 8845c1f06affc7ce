// Package labdir keeps a lab's folder (.lab, or --dir): who runs there, where its sockets lie, what it logged.
package labdir

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"redoubt.example/scripts/internal/filelock"
)

// Dir is a lab's folder:
//
//	lock      held by the supervisor as long as it lives
//	lab.json  the Record, while a lab runs
//	ca.pem    the lab's root certificate, while a lab runs
//	logs/     one file per component; kept until the next start
//	responses what was done about alerts, for a supervisor that comes after
type Dir struct{ path string }

// Record is what lab.json says.
type Record struct {
	PID       int       `json:"pid"`        // the supervisor
	StartTime uint64    `json:"start_time"` // its own, in clock ticks since boot: with the pid, no other process
	RunDir    string    `json:"run_dir"`    // sockets, keys and data: short, because a socket's path ends at 107 bytes
	Started   time.Time `json:"started"`
}

// ErrNotRunning is returned where a running lab is needed.
var ErrNotRunning = errors.New("no lab is up")

// At names a lab's folder; it needn't exist.
func At(path string) (Dir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Dir{}, fmt.Errorf("lab folder %s: %w", path, err)
	}
	return Dir{abs}, nil
}

func (d Dir) Path() string           { return d.path }
func (d Dir) CAFile() string         { return filepath.Join(d.path, "ca.pem") }
func (d Dir) Logs() string           { return filepath.Join(d.path, "logs") }
func (d Dir) Log(name string) string { return filepath.Join(d.path, "logs", name+".log") }
func (d Dir) Responses() string      { return filepath.Join(d.path, "responses") }
func (d Dir) lock() string           { return filepath.Join(d.path, "lock") }
func (d Dir) record() string         { return filepath.Join(d.path, "lab.json") }

// Control is the supervisor's socket.
func (r Record) Control() string { return filepath.Join(r.RunDir, "control.sock") }

// Running returns the record of the lab that runs here, or ErrNotRunning. A record that its supervisor left
// behind when it was killed doesn't count.
func (d Dir) Running() (Record, error) {
	held, err := filelock.Held(d.lock())
	if err != nil {
		return Record{}, fmt.Errorf("look at the lab in %s: %w", d.path, err)
	}
	if !held {
		return Record{}, ErrNotRunning
	}
	r, err := d.read()
	if errors.Is(err, os.ErrNotExist) { // it holds the lock, but has got no further, or is about to end
		return Record{}, ErrNotRunning
	}
	return r, err
}

func (d Dir) read() (Record, error) {
	raw, err := os.ReadFile(d.record())
	if err != nil {
		return Record{}, err
	}
	var r Record
	if err := json.Unmarshal(raw, &r); err != nil {
		return Record{}, fmt.Errorf("%s: %w", d.record(), err)
	}
	return r, nil
}
