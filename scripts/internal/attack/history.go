package attack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Entry is what became of an attack when it was last run.
type Entry struct {
	Result
	Time time.Time `json:"time"`
	Mode string    `json:"mode"`
}

// historyFile lies in the lab's folder, beside its logs: it outlives the lab.
func historyFile(dir string) string { return filepath.Join(dir, "attacks.json") }

// ReadHistory returns the last entry of each attack.
func ReadHistory(dir string) (map[string]Entry, error) {
	last := map[string]Entry{}
	raw, err := os.ReadFile(historyFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return last, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &last); err != nil {
		return nil, fmt.Errorf("%s: %w", historyFile(dir), err)
	}
	return last, nil
}

// Proven returns what became of an attack when, in a proof, one control alone stood in its way.
func Proven(last map[string]Entry, attack, control string) (Entry, bool) {
	e, ok := last[proofKey(attack, control)]
	return e, ok
}

func proofKey(attack, control string) string { return attack + " " + control }

// RememberProof adds what a proof has seen to the history.
func RememberProof(dir, mode string, p Proof, at time.Time) error {
	return remember(dir, mode, p.Seen, at)
}

// Remember adds a report to the history.
func Remember(dir, mode string, r Report, at time.Time) error {
	results := map[string]Result{}
	for _, one := range r.Attacks {
		results[one.ID] = one
	}
	return remember(dir, mode, results, at)
}

func remember(dir, mode string, results map[string]Result, at time.Time) error {
	last, err := ReadHistory(dir)
	if err != nil {
		last = map[string]Entry{} // a broken one is replaced
	}
	for key, one := range results {
		last[key] = Entry{one, at, mode}
	}
	raw, err := json.MarshalIndent(last, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(historyFile(dir), raw, 0o600); err != nil {
		return fmt.Errorf("remember the verdicts: %w", err)
	}
	return nil
}
