package controls

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"

	"redoubt.example/services/platform/telemetry"
)

// off holds the controls that this process runs without; nil: all are in force. It is set once, before the
// process serves: a control can't be switched off in a running process.
var off atomic.Pointer[[]string]

// On tells whether a control is in force. Off means that the check is skipped and what it would have
// established is taken from the unverified input.
func On(id string) bool {
	ids := off.Load()
	return ids == nil || !slices.Contains(*ids, id)
}

// SwitchedOff returns the controls that this process runs without.
func SwitchedOff() []string {
	if ids := off.Load(); ids != nil {
		return slices.Clone(*ids)
	}
	return nil
}

// Unsafe returns an error in a build for release: there, nothing may be chosen that protects nothing.
func Unsafe() error {
	if release {
		return errors.New("this is a build for release: it can't be made unsafe")
	}
	return nil
}

// Switchable returns an error unless each of the IDs may be switched off in this build.
func Switchable(ids []string) error {
	for _, id := range ids {
		if _, ok := Lookup(id); !ok {
			return fmt.Errorf("no control has the ID %q", id)
		}
	}
	if len(ids) > 0 && release {
		return fmt.Errorf("this is a build for release: %s can't be switched off", strings.Join(ids, ", "))
	}
	return nil
}

// SwitchOff takes controls out of force for the rest of the process's life, and says so in the log. It exists to
// show what each one stops; the caller has made sure that this is a lab.
func SwitchOff(log *slog.Logger, ids []string) error {
	if err := Switchable(ids); err != nil || len(ids) == 0 {
		return err
	}
	own := slices.Clone(ids)
	off.Store(&own)
	if !On(AppRedaction) {
		telemetry.WithoutRedaction() // it imports nothing of ours: the register is no exception
	}
	log.Warn("UNSAFE: controls are switched off", "controls", own)
	return nil
}
