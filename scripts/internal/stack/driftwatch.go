package stack

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"redoubt.example/infra/controlplane"
	"redoubt.example/services/platform/event"
)

// lookEvery is how often Consul's intentions are compared with topology.yaml: one read, since Consul's community edition logs no write
// that succeeds. Vault has an audit log, and is compared only when that says that somebody wrote.
const lookEvery = time.Second

// noteVault makes an event of a line of Vault's audit log, and has WatchDrift compare Vault after a write that decides who may do what.
func (s *Stack) noteVault(line []byte) (*event.Event, bool) {
	e, ok := event.FromVault(line)
	if ok && e.Text(event.Outcome) == "success" && controlplane.Decides(e.Text("url.path")) && wrote(e.Text(event.Action)) {
		select {
		case s.vaultWritten <- struct{}{}:
		default: // it will be compared anyway
		}
	}
	return e, ok
}

// wrote: actions are Vault's operations, after a name for what is worth one.
func wrote(action string) bool {
	operation := action[strings.LastIndexByte(action, '-')+1:]
	return operation == "create" || operation == "update" || operation == "delete" || operation == "patch"
}

// WatchDrift compares Consul and Vault with what is declared, until ctx ends, and has say told of what begins to differ and of what is as
// it is declared again. What we change ourselves is no difference.
func (s *Stack) WatchDrift(ctx context.Context, log *slog.Logger, say func(d controlplane.Difference, differs bool)) {
	w := driftWatch{log: log, say: say, known: map[string]controlplane.Difference{}, away: map[string]bool{}}
	w.look(ctx, controlplane.Vault, s.plane.VaultDrift)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		w.look(ctx, controlplane.Consul, s.plane.IntentionDrift)
		select {
		case <-ctx.Done():
			return
		case <-s.vaultWritten:
			w.look(ctx, controlplane.Vault, s.plane.VaultDrift)
		case <-tick.C:
		}
	}
}

// driftWatch says what is new at each look.
type driftWatch struct {
	log   *slog.Logger
	say   func(d controlplane.Difference, differs bool)
	known map[string]controlplane.Difference
	away  map[string]bool // servers that didn't answer the last time
}

// look compares one server: what wasn't known before is said, and what is known and isn't so any more. One that doesn't answer is said
// once.
func (w driftWatch) look(ctx context.Context, server string, compare func(context.Context) ([]controlplane.Difference, error)) {
	found, err := compare(ctx)
	before := w.away[server]
	w.away[server] = err != nil
	if err != nil {
		if ctx.Err() == nil && !before {
			w.log.Info("can't be compared with what is declared, for a while", "server", server, "error", err.Error())
		}
		return
	}
	now := map[string]bool{}
	for _, d := range found {
		key := d.Server + " " + d.Kind + " " + d.Name + " " + d.Found
		now[key] = true
		if _, is := w.known[key]; !is {
			w.known[key] = d
			w.say(d, true)
		}
	}
	for key, d := range w.known {
		if d.Server == server && !now[key] {
			delete(w.known, key)
			w.say(d, false)
		}
	}
}
