package stack

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/process"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/services/platform/controls"
)

// NoProfile is what a lab in mode plaintext is called that nobody named a profile for: all controls are on but the mesh's,
// and that is none of the named sets. It is there to measure what the mesh alone costs.
const NoProfile = "unnamed"

// Choose finds the profile and the mode of a lab from what was asked for; "" leaves it to us. The error is a sentence for
// who asked.
func Choose(profile, mode string) (name, chosen string, err error) {
	if profile == "" && mode == modePlaintext || profile == NoProfile {
		return NoProfile, modePlaintext, nil
	}
	if profile == "" {
		profile = controls.Layered
	}
	if mode != "" {
		if err := knownMode(mode); err != nil {
			return "", "", err
		}
	}
	p, err := controls.LookupProfile(profile)
	if err != nil {
		return "", "", err
	}
	chosen, err = p.Mode(mode)
	return p.Name, chosen, err
}

// CheckProfile refuses a weak profile that isn't asked for twice.
func CheckProfile(name string, getenv func(string) string) error {
	if off := ProfileOff(name); len(off) > 0 && getenv(UnsafeLab) != "1" {
		return fmt.Errorf("profile %s runs without %d of the %d controls: set %s=1 to start it all the same", name, len(off), len(controls.All()), UnsafeLab)
	}
	return nil
}

// ProfileOff are the controls that a profile does without.
func ProfileOff(name string) (ids []string) {
	if name == NoProfile {
		for _, c := range controls.All() {
			if c.Layer == controls.Mesh {
				ids = append(ids, c.ID)
			}
		}
		return ids
	}
	p, err := controls.LookupProfile(name)
	if err != nil { // nothing is switched off by mistake
		return nil
	}
	return p.Off()
}

// ProfileWarning is what to say, loudly, of a profile that does without controls; "" of the others.
func ProfileWarning(name string) string {
	off := ProfileOff(name)
	if len(off) == 0 {
		return ""
	}
	return fmt.Sprintf("UNSAFE: profile %s: %d of the %d controls are off (`lab control list` marks them). For measuring only.", name, len(off), len(controls.All()))
}

// profileOff is what the stack's profile has off from the start, everywhere.
func (s *Stack) profileOff() []control.Switch {
	var off []control.Switch
	for _, id := range ProfileOff(s.cfg.Profile) {
		off = append(off, control.Switch{Control: id})
	}
	return off
}

// Initially is what the lab runs without from the start: what its profile does without.
func (s *Stack) Initially() (control.Switched, error) {
	off := s.profileOff()
	without, err := s.Without(off)
	return control.Switched{Off: off, Without: without, Restarted: []string{}}, err
}

// EnvOf is, by component, what to add to its process's environment so that it starts without controls, and with delays.
func (s *Stack) EnvOf(now control.Switched, delays Delays) map[string][]string {
	env := map[string][]string{}
	for name, ids := range now.Without {
		if s.Restarts(name) {
			env[name] = WithoutEnv(ids)
		}
	}
	for _, w := range s.instances {
		if more := delays.env(w.service); more != nil {
			env[w.name] = append(env[w.name], more...)
		}
	}
	return env
}

const weakenStep = "profile"

// weaken has Vault and Consul go without what the profile does without, before anybody logs in to them.
func (s *Stack) weaken() process.Spec {
	return process.Spec{Name: weakenStep, Once: true, Depends: []string{controlplane.Ready}, Run: func(ctx context.Context) error {
		without, err := s.Without(s.profileOff())
		if err != nil || len(without[controlplane.Vault]) == 0 {
			return err
		}
		s.cfg.Log.Warn("UNSAFE: controls of the control plane are off", "profile", s.cfg.Profile, "controls", strings.Join(without[controlplane.Vault], " "))
		return s.SwitchVault(ctx, without[controlplane.Vault])
	}}
}

// Deviation tells how what is off in a lab, as its status lists it, differs from what its profile has off.
func Deviation(profile string, off []string) (more, less []string) {
	meant := ProfileOff(profile)
	for _, id := range off {
		if !slices.Contains(meant, id) {
			more = append(more, id)
		}
	}
	for _, id := range meant {
		if !slices.Contains(off, id) {
			less = append(less, id)
		}
	}
	return more, less
}
