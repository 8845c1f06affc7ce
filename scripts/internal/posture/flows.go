package posture

import (
	"bufio"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
)

// FlowsInLogs counts who used which route of whom in the logs of a lab, for when sentinel doesn't answer.
func FlowsInLogs(folder string) ([]alert.Flow, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.log"))
	if err != nil {
		return nil, err
	}
	flows := map[[3]string]*alert.Flow{}
	for _, path := range files {
		if err := eachLine(path, func(line []byte) {
			if e, ok := event.FromLog(line); ok && e.Text(event.Dataset) == event.Access {
				count(flows, e)
			}
		}); err != nil {
			return nil, fmt.Errorf("count what was called: %w", err)
		}
	}
	all := make([]alert.Flow, 0, len(flows))
	for _, f := range slices.Collect(maps.Values(flows)) {
		all = append(all, *f)
	}
	slices.SortFunc(all, func(a, b alert.Flow) int {
		return cmp.Or(cmp.Compare(a.Callee, b.Callee), cmp.Compare(a.Route, b.Route), cmp.Compare(a.Caller, b.Caller))
	})
	return all, nil
}

func count(flows map[[3]string]*alert.Flow, e *event.Event) {
	caller, proved := e.Text(event.Caller), true
	if caller == "" {
		caller, proved = e.Text(event.Claimed), false
	}
	key := [3]string{caller, e.Reporter(), e.Text("http.route")}
	f := flows[key]
	if f == nil {
		f = &alert.Flow{Caller: key[0], Callee: key[1], Route: key[2], Proved: proved && caller != outside, First: e.Time}
		flows[key] = f
	}
	f.Count++
	switch status, _ := e.Fields["http.response.status_code"].(int); {
	case status >= 500:
		f.Errors++
	case status >= 400:
		f.Refused++
	}
	if n, _ := e.Fields["http.response.bytes"].(int); n > 0 {
		f.Bytes += int64(n)
	}
	if e.Time.Before(f.First) {
		f.First = e.Time
	}
	if e.Time.After(f.Last) {
		f.Last = e.Time
	}
}

func eachLine(path string, do func([]byte)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 64<<10), 4<<20)
	for lines.Scan() {
		do(lines.Bytes())
	}
	return lines.Err()
}
