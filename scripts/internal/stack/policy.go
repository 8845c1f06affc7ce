package stack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/process"
	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/policy"
)

const policyStep = "policy"

// PolicyFile is the published policy bundle below a lab's runtime folder. Everybody may read it; its signature, not
// its place, makes it good.
func PolicyFile(runDir string) string { return filepath.Join(runDir, "policy", "bundle.json") }

// publishStep publishes the rules that this program was built with: the workloads start with no others.
func (s *Stack) publishStep() process.Spec {
	return process.Spec{Name: policyStep, Once: true, Depends: []string{controlplane.Ready}, Run: func(ctx context.Context) error {
		rules, err := policy.Rules()
		if err == nil {
			_, err = s.PublishPolicy(ctx, rules)
		}
		if err != nil {
			return err
		}
		return publishDetections(RulesDir(s.cfg.RunDir), nil)
	}}
}

// PublishPolicy signs rule files, by name, with topology.yaml for data, and puts them where the services look.
// Rules that don't compile for every service aren't published. It returns their revision.
func (s *Stack) PublishPolicy(ctx context.Context, rules map[string]string) (revision int64, err error) {
	return s.publish(ctx, rules, s.topology)
}

func (s *Stack) publish(ctx context.Context, rules map[string]string, top *topology.Topology) (revision int64, err error) {
	bundle, err := policy.NewBundle(rules, top)
	if err != nil {
		return 0, err
	}
	if err := bundle.Check(ctx); err != nil {
		return 0, err
	}
	sealed, err := bundle.Seal(ctx, s.plane.SignPolicy)
	if err != nil {
		return 0, err
	}
	path := PolicyFile(s.cfg.RunDir)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, fmt.Errorf("publish policy: %w", err)
	}
	next, err := os.CreateTemp(filepath.Dir(path), ".next-*")
	if err != nil {
		return 0, fmt.Errorf("publish policy: %w", err)
	}
	defer os.Remove(next.Name()) // gone already where all went well
	defer next.Close()
	if _, err := next.Write(sealed); err != nil {
		return 0, fmt.Errorf("publish policy: %w", err)
	}
	if err := next.Chmod(0o644); err != nil {
		return 0, fmt.Errorf("publish policy: %w", err)
	}
	if err := os.Rename(next.Name(), path); err != nil { // no reader sees half of it
		return 0, fmt.Errorf("publish policy: %w", err)
	}
	return bundle.Revision, nil
}
