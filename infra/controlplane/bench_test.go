package controlplane_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/controlplane/controlplanetest"
)

// BenchmarkStart reports how long everything takes from nothing to configured, and what the servers then hold in
// memory, as proportional set size: pages that PostgreSQL's processes share are counted once.
//
//	go test ./controlplane -run none -bench Start -benchtime 5x
func BenchmarkStart(b *testing.B) {
	seconds, megabytes := map[string]float64{}, map[string]float64{}
	for b.Loop() {
		env := controlplanetest.StartOwn(b, 0)
		for name, took := range env.Took() {
			seconds[name] += took.Seconds()
		}
		for _, name := range []string{controlplane.Vault, controlplane.Consul, controlplane.Postgres} {
			megabytes[name] += float64(treeMemory(env.Process(name).PID())) / 1e6
		}
	}
	for name, s := range seconds {
		b.ReportMetric(s/float64(b.N), name+"-s")
	}
	for name, m := range megabytes {
		b.ReportMetric(m/float64(b.N), name+"-MB")
	}
}

// treeMemory sums a process and its children.
func treeMemory(pid int) (bytes int) {
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid)); err == nil {
		for line := range strings.Lines(string(text)) {
			if kb, ok := strings.CutPrefix(line, "Pss:"); ok {
				n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(kb), " kB"))
				bytes += n * 1024
			}
		}
	}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, child := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(child); err == nil {
				bytes += treeMemory(n)
			}
		}
	}
	return bytes
}
