package main

import (
	"context"
	"os"

	"redoubt.example/scripts/internal/control"
)

// Survey implements control.Surveyor.
func (l *runningLab) Survey(ctx context.Context) (control.Survey, error) {
	pids := map[int]string{os.Getpid(): supervisorName}
	for _, c := range l.sup.Components() {
		if c.PID != 0 {
			pids[c.PID] = c.Name
		}
	}
	found, err := l.stack.Survey(ctx, pids)
	found.Listeners = l.withoutPage(found.Listeners)
	return found, err
}
