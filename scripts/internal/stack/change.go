package stack

import (
	"context"
	"path/filepath"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/services/platform/policy"
)

// Change has policy, intentions, Vault's policies and roles, and sentinel's rules say what the changes do, and what they said at the start where
// those don't. Programs are the supervisor's: see Replaced. It returns the policy's revision, which services take up within a moment.
func (s *Stack) Change(ctx context.Context, changes control.Changes) (revision int64, err error) {
	top := s.topology
	if changes.Topology != "" {
		if top, err = topology.Parse([]byte(changes.Topology)); err != nil {
			return 0, exit.Usagef("%w", err)
		}
	}
	rules := changes.Rules
	if rules == nil {
		if rules, err = policy.Rules(); err != nil {
			return 0, err
		}
	}
	if err := s.plane.SetIntentions(ctx, top); err != nil {
		return 0, err
	}
	if err := noteTopology(s.cfg.RunDir, changes.Topology); err != nil {
		return 0, err
	}
	if err := s.plane.SetDeclared(ctx, changes.Declared); err != nil {
		return 0, exit.Usagef("%w", err)
	}
	if err := publishDetections(RulesDir(s.cfg.RunDir), changes.Detections); err != nil {
		return 0, err
	}
	if revision, err = s.publish(ctx, rules, top); err != nil {
		return 0, exit.Usagef("%w", err)
	}
	return revision, nil
}

// Replaced are the components that run other programs than they were made for, with the programs' paths.
func (s *Stack) Replaced(programs map[string]string) map[string]string {
	all := map[string]string{}
	for _, spec := range s.Specs() {
		if path := programs[filepath.Base(spec.Path)]; path != "" && !spec.Once {
			all[spec.Name] = path
		}
	}
	return all
}
