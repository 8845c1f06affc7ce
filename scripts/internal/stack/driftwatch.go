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
	known := map[string]controlplane.Difference{}
	consul := func() { compare(ctx, log, controlplane.Consul, s.plane.IntentionDrift, known, say) }
	vault := func() { compare(ctx, log, controlplane.Vault, s.plane.VaultDrift, known, say) }
	vault()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		consul()
		select {
		case <-ctx.Done():
			return
		case <-s.vaultWritten:
			vault()
		case <-tick.C:
		}
	}
}

// compare looks at one server, and has say told of what wasn't known before, and of what is known and isn't so any more.
func compare(ctx context.Context, log *slog.Logger, server string, look func(context.Context) ([]controlplane.Difference, error),
	known map[string]controlplane.Difference, say func(controlplane.Difference, bool)) {
	found, err := look(ctx)
	if err != nil {
		if ctx.Err() == nil {
			log.Info("can't be compared with what is declared", "server", server, "error", err.Error())
		}
		return
	}
	now := map[string]bool{}
	for _, d := range found {
		key := d.Server + " " + d.Kind + " " + d.Name + " " + d.Found
		now[key] = true
		if _, is := known[key]; !is {
			known[key] = d
			say(d, true)
		}
	}
	for key, d := range known {
		if d.Server == server && !now[key] {
			delete(known, key)
			say(d, false)
		}
	}
}
