package mesh

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// report appends a line to the file that the lab named: what became of an attempt.
func (i *instance) report(line string) error {
	if i.guard.results == "" {
		return errors.New("k6/x/mesh: report: nobody listens: this script is run by `lab attack`")
	}
	file, err := os.OpenFile(i.guard.results, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("k6/x/mesh: report: %w", err)
	}
	defer file.Close()
	if _, err := file.WriteString(line + "\n"); err != nil {
		return fmt.Errorf("k6/x/mesh: report: %w", err)
	}
	return file.Close()
}

func (i *instance) pid() int { return os.Getpid() }

// sleep waits, in milliseconds: for an attack whose point is slowness.
func (i *instance) sleep(milliseconds int) error {
	if err := i.guard.Count(); err != nil {
		return err
	}
	select {
	case <-time.After(min(time.Duration(milliseconds)*time.Millisecond, maxTimeout)):
	case <-i.vu.Context().Done():
	}
	return nil
}
