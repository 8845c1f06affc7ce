package serverlog

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
)

// window is what is read at once, and the longest line there may be; the rest of a longer one is passed over.
const window = 256 << 10

// file is a log that is followed by name: when another file has taken its place, what is left of the old one is read, and then the
// new one from its beginning; one that was made shorter is read from its beginning, too.
type file struct {
	path   string
	open   *os.File
	at     int64 // what came before is done with
	after  int64
	inside bool // of a line that is too long
	buffer []byte
}

// next returns whole lines, good until the next call, and whether there is more to read at once. They are returned again until done.
func (f *file) next() (lines [][]byte, more bool, err error) {
	if f.open == nil {
		f.open, err = os.Open(f.path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		f.at, f.inside = 0, false
	}
	info, err := f.open.Stat()
	if err != nil {
		return nil, false, err
	}
	if info.Size() < f.at {
		f.at, f.inside = 0, false
	}
	f.after = f.at
	if f.buffer == nil {
		f.buffer = make([]byte, window)
	}
	n, err := f.open.ReadAt(f.buffer, f.at)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	whole := bytes.LastIndexByte(f.buffer[:n], '\n') + 1
	switch {
	case whole == 0 && n == window: // no end in sight
		f.inside, f.after = true, f.at+int64(n)
		return nil, true, nil
	case whole == 0:
		return nil, f.replaced(info), nil
	}
	f.after += int64(whole)
	lines = bytes.Split(f.buffer[:whole-1], []byte("\n"))
	if f.inside {
		lines, f.inside = lines[1:], false
	}
	return lines, true, nil
}

// replaced lets go of a file that was read to its end if its name is another's by now.
func (f *file) replaced(info os.FileInfo) bool {
	now, err := os.Stat(f.path)
	if err != nil || os.SameFile(now, info) {
		return false // there is none yet, or it is still the same
	}
	f.close()
	return true
}

// done goes on behind the lines that next has returned.
func (f *file) done() { f.at = f.after }

func (f *file) close() {
	if f.open != nil {
		_ = f.open.Close()
	}
	f.open, f.at, f.after = nil, 0, 0
}
