package stack

import (
	"context"
	"slices"
	"strings"

	"redoubt.example/infra/controlplane"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/services/platform/controls"
)

// owners in the register that stand for more than the component of their name.
const (
	ownerSidecar = "sidecar"
	ownerService = "service"
)

// Without sorts switched off controls by the component that is to run without them. The error is fit for who asked.
func (s *Stack) Without(off []control.Switch) (map[string][]string, error) {
	byComponent := map[string][]string{}
	for _, o := range off {
		owners, err := s.enforcers(o)
		if err != nil {
			return nil, err
		}
		for _, name := range owners {
			byComponent[name] = append(byComponent[name], o.Control)
		}
	}
	for name, ids := range byComponent {
		slices.Sort(ids)
		byComponent[name] = slices.Compact(ids)
	}
	return byComponent, nil
}

// enforcers are the components that a control is enforced by, or of those the one that is named.
func (s *Stack) enforcers(o control.Switch) ([]string, error) {
	c, ok := controls.Lookup(o.Control)
	if !ok {
		return nil, exit.Mend(exit.Usagef("no control has the ID %q", o.Control), "lab control list")
	}
	if slices.Contains(controlplane.Switchable, o.Control) {
		return []string{controlplane.Vault}, nil
	}
	if c.Owner == controls.Supervisor {
		return []string{controls.Supervisor}, nil
	}
	if c.Owner == ownerSidecar && s.cfg.Mode == ModeEnvoy {
		return nil, exit.Usagef("%s is enforced by Envoy in this lab, where it can't be switched off", o.Control)
	}
	var all []string
	for _, w := range s.instances {
		switch c.Owner {
		case ownerSidecar:
			all = append(all, s.planeOf(w))
		case ownerService, w.service:
			all = append(all, w.name)
		}
	}
	if len(all) == 0 {
		return nil, exit.Usagef("%s is enforced by %s, which the lab doesn't restart", o.Control, c.Owner)
	}
	if o.Target == "" {
		return all, nil
	}
	kept := slices.DeleteFunc(all, func(name string) bool { return strings.TrimSuffix(name, sidecarSuffix) != o.Target })
	if len(kept) == 0 {
		return nil, exit.Usagef("%s isn't enforced by %q", o.Control, o.Target)
	}
	return kept, nil
}

// Restarts tells whether a component takes up its switched off controls by a restart; Vault is told what to enforce, and so is
// the supervisor.
func (s *Stack) Restarts(component string) bool {
	return component != controlplane.Vault && component != controls.Supervisor
}

// SwitchVault has Vault go on without these controls, and with all others.
func (s *Stack) SwitchVault(ctx context.Context, ids []string) error {
	return s.plane.SwitchOff(ctx, ids...)
}

// WithoutEnv is what tells a component to run without controls; nothing when none is off.
func WithoutEnv(ids []string) []string {
	if len(ids) == 0 {
		return nil
	}
	return []string{UnsafeLab + "=1", "REDOUBT_CONTROLS_OFF=" + strings.Join(ids, ",")}
}
