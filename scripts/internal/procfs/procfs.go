// Package procfs reads what Linux tells about processes: who they are, whose children, how much memory.
package procfs

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Stat is a process's line in /proc/<pid>/stat, as far as the lab needs it.
type Stat struct {
	Parent int
	State  byte   // Z: ended, not yet waited for
	Start  uint64 // clock ticks since boot; with the pid it names one process for good
}

// Read tells about one process; an error when there is none.
func Read(pid int) (Stat, error) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Stat{}, err
	}
	// The second field, the command in parentheses, may hold spaces and parentheses itself.
	end := bytes.LastIndexByte(line, ')')
	fields := strings.Fields(string(line[end+1:]))
	if end < 0 || len(fields) < 20 {
		return Stat{}, fmt.Errorf("process %d: unexpected /proc/stat", pid)
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return Stat{}, fmt.Errorf("process %d: parent: %w", pid, err)
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return Stat{}, fmt.Errorf("process %d: start time: %w", pid, err)
	}
	return Stat{Parent: parent, State: fields[0][0], Start: start}, nil
}

// Tree maps each process to its children, as it is now.
func Tree() map[int][]int {
	children := map[int][]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if stat, err := Read(pid); err == nil {
			children[stat.Parent] = append(children[stat.Parent], pid)
		}
	}
	return children
}

// Memory is the proportional set size of a process in bytes: what it shares is divided among the sharers, so
// that a sum over processes is true. 0 when the process is gone or isn't ours to look at.
func Memory(pid int) int64 {
	file, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "Pss:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// MemoryWith is the memory of a process and of all below it in the tree.
func MemoryWith(pid int, tree map[int][]int) int64 {
	sum := Memory(pid)
	for _, child := range tree[pid] {
		sum += MemoryWith(child, tree)
	}
	return sum
}
