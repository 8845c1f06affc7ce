package stack

import (
	"context"
	"slices"
	"strings"
	"time"

	"redoubt.example/infra/controlplane"
)

const (
	// vaultWithin bounds what a restart waits for: tokens that can't be revoked by then end by their time to live.
	vaultWithin  = 2 * time.Second
	consulWithin = 10 * time.Second
)

// ended revokes what a process had and didn't give back, because it was killed or crashed: its Vault tokens, the
// database logins got with them, its Consul tokens. Vault's tokens are told apart by the instance in the document
// that they were got with, and so before the instance's next process starts; Consul's by what their holder said.
func (s *Stack) ended(ctx context.Context, component string, pid int) {
	name, isSidecar := strings.CutSuffix(component, sidecarSuffix)
	if !slices.ContainsFunc(slices.Concat(s.instances, s.jobs), func(w instance) bool { return w.name == name }) {
		return
	}
	if !isSidecar {
		within, cancel := context.WithTimeout(ctx, vaultWithin)
		defer cancel()
		count, err := s.plane.RevokeVault(within, func(g controlplane.Grant) bool { return g.Instance == name })
		switch {
		case err != nil:
			s.cfg.Log.Warn("what a process had of Vault is not revoked; it ends by itself", "component", component, "pid", pid, "error", err.Error())
		case count > 0:
			s.cfg.Log.Info("revoked what a process left behind in Vault", "component", component, "pid", pid, "tokens", count)
		}
	}
	go func() {
		within, cancel := context.WithTimeout(ctx, consulWithin)
		defer cancel()
		count, err := s.plane.RevokeConsul(within, func(g controlplane.Grant) bool { return g.Instance == name && g.PID == pid })
		switch {
		case err != nil && ctx.Err() == nil:
			s.cfg.Log.Warn("what a process had of Consul is not revoked; it ends by itself", "component", component, "pid", pid, "error", err.Error())
		case count > 0:
			s.cfg.Log.Info("revoked what a process left behind in Consul", "component", component, "pid", pid, "tokens", count)
		}
	}()
}
