// Package logfile reads what components logged: JSON lines of the platform and of HashiCorp's servers, and plain
// lines of everything else.
package logfile

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Line is one line of a component's log.
type Line struct {
	Component string
	Time      time.Time      // a plain line's is that of the line before it
	Fields    map[string]any // nil for a plain line
	Raw       string
}

// maxLine is the longest line that is read whole; a longer one ends the file.
const maxLine = 4 << 20

// ID is the request that the line belongs to, or "".
func (l Line) ID() string {
	id, _ := l.Fields["request_id"].(string)
	return id
}

// parse reads one line; before is the time of the one before.
func parse(component, raw string, before time.Time) Line {
	l := Line{Component: component, Time: before, Raw: raw}
	if !strings.HasPrefix(raw, "{") {
		return l
	}
	dec := json.NewDecoder(strings.NewReader(raw))
	dec.UseNumber() // no number changes its looks
	if dec.Decode(&l.Fields) != nil {
		l.Fields = nil
		return l
	}
	for _, key := range []string{"time", "@timestamp"} {
		if text, ok := l.Fields[key].(string); ok {
			if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
				l.Time = at
			}
		}
	}
	return l
}

// Text is the line as a person reads it: when, who, how bad, what, and the rest as key=value.
func (l Line) Text() string {
	if l.Fields == nil {
		return fmt.Sprintf("%-12s  %s  %s", "", l.Component, l.Raw)
	}
	level := cmp.Or(str(l.Fields["level"]), str(l.Fields["@level"]))
	text := fmt.Sprintf("%s  %s  %-5s %s", l.Time.Local().Format("15:04:05.000"), l.Component, strings.ToUpper(level), l.Message())
	keys := make([]string, 0, len(l.Fields))
	for key := range l.Fields {
		switch key {
		case "time", "@timestamp", "level", "@level", "msg", "@message", "service":
		default:
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		text += fmt.Sprintf(" %s=%s", key, value(l.Fields[key]))
	}
	return text
}

// Message is what the line says, without the rest; all of it for a plain one.
func (l Line) Message() string {
	if l.Fields == nil {
		return strings.TrimSpace(l.Raw)
	}
	text := cmp.Or(str(l.Fields["msg"]), str(l.Fields["@message"]))
	if reason := cmp.Or(str(l.Fields["error"]), str(l.Fields["reason"])); reason != "" && !strings.Contains(text, reason) {
		return text + ": " + reason
	}
	return text
}

// JSON is the line as one JSON object that names its component.
func (l Line) JSON() string {
	object := map[string]any{"component": l.Component, "line": l.Raw}
	if l.Fields != nil {
		object = maps.Clone(l.Fields)
		object["component"] = l.Component
	}
	raw, err := json.Marshal(object)
	if err != nil {
		return "{}" // it was JSON when it was read
	}
	return string(raw)
}

func str(v any) string { s, _ := v.(string); return s }

func value(v any) string {
	switch v := v.(type) {
	case string:
		if v == "" || strings.ContainsAny(v, " \"=\n\t") {
			return fmt.Sprintf("%q", v)
		}
		return v
	case json.Number:
		return v.String()
	default:
		raw, _ := json.Marshal(v)
		return string(raw)
	}
}

// Reader follows one component's file. It keeps a half line until the rest is there.
type Reader struct {
	component string
	path      string
	offset    int64
	last      time.Time
}

// NewReader starts at the file's beginning. The file may be made later.
func NewReader(component, path string) *Reader { return &Reader{component: component, path: path} }

// Next returns the whole lines that were added since.
func (r *Reader) Next() ([]Line, error) {
	file, err := os.Open(r.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Seek(r.offset, io.SeekStart); err != nil {
		return nil, err
	}
	var lines []Line
	scanner := bufio.NewScanner(file)
	scanner.Buffer(make([]byte, 64<<10), maxLine)
	scanner.Split(wholeLines)
	for scanner.Scan() {
		r.offset += int64(len(scanner.Bytes())) + 1
		line := parse(r.component, scanner.Text(), r.last)
		r.last = line.Time
		lines = append(lines, line)
	}
	return lines, scanner.Err()
}

// wholeLines is bufio.ScanLines without the last line that no newline ends.
func wholeLines(data []byte, _ bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	return 0, nil, nil
}

// Open returns a reader for each log in a folder, or for the named component's.
func Open(folder, component string) ([]*Reader, error) {
	if component != "" {
		path := filepath.Join(folder, component+".log")
		if filepath.Base(component) != component {
			return nil, os.ErrNotExist
		}
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
		return []*Reader{NewReader(component, path)}, nil
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*.log"))
	if err != nil {
		return nil, err
	}
	var readers []*Reader
	for _, path := range paths {
		readers = append(readers, NewReader(strings.TrimSuffix(filepath.Base(path), ".log"), path))
	}
	return readers, nil
}

// Merge reads all that is new in several logs, in the order of time.
func Merge(readers []*Reader) ([]Line, error) {
	var all []Line
	for _, r := range readers {
		lines, err := r.Next()
		if err != nil {
			return nil, err
		}
		all = append(all, lines...)
	}
	slices.SortStableFunc(all, func(a, b Line) int { return a.Time.Compare(b.Time) })
	return all, nil
}

// Tail returns a reader of what is added to a file from now on.
func Tail(component, path string) (*Reader, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return &Reader{component: component, path: path, offset: info.Size(), last: time.Now()}, nil
}
