package connect

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
)

// health remembers which links to Consul fail, and logs each once when it breaks and once when it mends.
type health struct {
	log    *slog.Logger
	mu     sync.Mutex
	broken map[string]error
}

func newHealth(log *slog.Logger) *health { return &health{log: log, broken: map[string]error{}} }

// report notes the outcome of one attempt at what.
func (h *health) report(what string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, was := h.broken[what]
	switch {
	case err != nil && !was:
		h.log.Warn("consul link broken; going on with what is known", "link", what, "error", err.Error())
	case err == nil && was:
		h.log.Info("consul link mended", "link", what)
	}
	if err != nil {
		h.broken[what] = err
	} else {
		delete(h.broken, what)
	}
}

func (h *health) degraded() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.broken) == 0 {
		return nil
	}
	links := slices.Sorted(maps.Keys(h.broken))
	return fmt.Errorf("consul link broken: %s (%w)", strings.Join(links, ", "), rootCause(h.broken[links[0]]))
}

// rootCause is what is at the bottom of an error: the rest names what failed, which is said already.
func rootCause(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}
