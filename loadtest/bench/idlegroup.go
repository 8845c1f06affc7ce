package bench

import (
	"os"
	"path/filepath"
	"strconv"
)

// controlGroups are where the processor's controller is mounted: version 1, and 2.
var controlGroups = []string{"/sys/fs/cgroup/cpu", "/sys/fs/cgroup"}

// idleGroup makes a control group whose processes run only while nobody else wants their processor (cpu.idle), and which such
// another doesn't wait for. "" where we may not, or the kernel can't.
//
// The idle policy alone (SCHED_IDLE) counts within a session where the kernel groups processes by those (sched(7), "The autogroup
// feature"): PostgreSQL, whose processes lead sessions of their own, would share its processor with a spinner half and half. In a
// session of its own, with the least share, a spinner would be no better: whoever wakes there doesn't push it aside at once. On one
// machine plaintext then took 42 us kept awake, and native 44 more, where both were below 33 and 7 before.
func idleGroup() string {
	for _, root := range controlGroups {
		folder, err := os.MkdirTemp(root, "redoubt-idle-")
		if err != nil {
			continue
		}
		if os.WriteFile(filepath.Join(folder, "cpu.idle"), []byte("1"), 0) == nil {
			return folder
		}
		_ = os.Remove(folder)
	}
	return ""
}

// enter moves a process into the group.
func enter(group string, pid int) error {
	return os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
}
