package respond

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"redoubt.example/threatmodel"
)

// line is one line of the journal: what it is about, a response's state, a mode, or how far alerts were taken.
type line struct {
	Run     string           `json:"run,omitempty"`
	Entry   *Entry           `json:"entry,omitempty"`
	Runbook string           `json:"runbook,omitempty"`
	Mode    threatmodel.Mode `json:"mode,omitempty"`
	Seq     int64            `json:"seq,omitempty"`
}

// journal is the file in which everything is before it is so. nil keeps none.
type journal struct{ file *os.File }

// openJournal gives read each line of the run that was kept before, and goes on from there. That of another run is replaced: what it
// says was done to what is gone.
func openJournal(path, run string, read func(line) error) (*journal, error) {
	if path == "" {
		return nil, nil
	}
	lines, err := readJournal(path, run)
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		if err := read(l); err != nil {
			return nil, fmt.Errorf("journal %s: %w", path, err)
		}
	}
	next, err := os.CreateTemp(filepath.Dir(path), ".journal-*") // 0600
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	j := &journal{next}
	err = j.write(line{Run: run})
	for _, l := range latest(lines) {
		err = errors.Join(err, j.write(l))
	}
	if err == nil {
		err = os.Rename(next.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("journal: %w", err), next.Close(), os.Remove(next.Name()))
	}
	return j, nil
}

// readJournal returns what was written about a run. A last line that was cut off when its writer was killed was never acted on.
func readJournal(path, run string) (lines []line, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer file.Close()
	scan := bufio.NewScanner(file)
	scan.Buffer(nil, 1<<20)
	for n := 0; scan.Scan(); n++ {
		var l line
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			if !scan.Scan() {
				break
			}
			return nil, fmt.Errorf("journal %s: line %d: %w", path, n+1, err)
		}
		if n == 0 && l.Run != run {
			return nil, nil
		}
		if n > 0 {
			lines = append(lines, l)
		}
	}
	return lines, scan.Err()
}

func (j *journal) write(l line) error {
	if j == nil {
		return nil
	}
	raw, err := json.Marshal(l)
	if err == nil {
		_, err = j.file.Write(append(raw, '\n'))
	}
	if err == nil && l.Seq == 0 { // an alert that is taken twice after a power failure does no harm
		err = j.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write the journal of responses: %w", err)
	}
	return nil
}

// latest leaves out what a later line replaces.
func latest(lines []line) (kept []line) {
	last := map[string]int{}
	key := func(l line) string {
		if l.Entry != nil {
			return "entry " + l.Entry.ID
		}
		return "of " + l.Runbook
	}
	for i, l := range lines {
		last[key(l)] = i
	}
	for i, l := range lines {
		if last[key(l)] == i {
			kept = append(kept, l)
		}
	}
	return kept
}

// replay takes up one line of a predecessor's.
func (e *Engine) replay(l line) error {
	switch {
	case l.Entry != nil:
		number, err := strconv.Atoi(strings.TrimPrefix(l.Entry.ID, "r"))
		if err != nil {
			return fmt.Errorf("a response has the ID %q", l.Entry.ID)
		}
		e.last = max(e.last, number)
		for i, x := range e.entries {
			if x.ID == l.Entry.ID {
				e.entries[i] = l.Entry
				return nil
			}
		}
		e.entries = append(e.entries, l.Entry)
	case l.Runbook != "":
		if _, known := e.modes[l.Runbook]; known {
			e.modes[l.Runbook] = l.Mode
		}
	default:
		e.seq = max(e.seq, l.Seq)
	}
	return nil
}

// Close ends the journal. What is in force stays so.
func (e *Engine) Close() error {
	e.turn.Lock()
	defer e.turn.Unlock()
	if e.journal == nil {
		return nil
	}
	return e.journal.file.Close()
}
