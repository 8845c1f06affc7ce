package bench

import (
	"fmt"
	"os"
	"strings"
)

// Resident is the memory that processes of one program keep resident, in bytes. What they share with each other, as
// a master and its workers do, counts once.
func Resident(processes ...int) (int64, error) {
	var private, shared int64
	for _, pid := range processes {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, fmt.Errorf("memory of process %d: %w", pid, err)
		}
		var own int64
		for line := range strings.Lines(string(text)) {
			var name string
			var kib int64
			if n, _ := fmt.Sscanf(line, "%s %d kB", &name, &kib); n < 2 {
				continue
			}
			switch name {
			case "Private_Clean:", "Private_Dirty:":
				private += kib << 10
			case "Shared_Clean:", "Shared_Dirty:":
				own += kib << 10
			}
		}
		shared = max(shared, own)
	}
	return private + shared, nil
}
