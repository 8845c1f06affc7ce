package exercise

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/tools"
	"redoubt.example/services/platform/policy"
)

// What a running lab takes without a program being built anew.
const (
	rulesFolder  = "services/platform/policy/rego"
	planeFolder  = "infra/controlplane/" // but for its Go files
	topologyFile = "infra/topology/topology.yaml"
	ruleFile     = "threatmodel/detections/*/rule.yml"
)

// Build makes of a copy what changes in a lab: rules, what Vault is told, the topology, sentinel's rules, and those programs that come
// out otherwise than the lab's own, which are in the folder original. An error that is the copy's own fault has the exit code of bad
// input.
func Build(ctx context.Context, c Copy, original, bin string) (changes control.Changes, err error) {
	changed, err := c.Changed()
	if err != nil {
		return changes, exit.Usagef("%w", err)
	}
	if text, ok := changed[topologyFile]; ok {
		if _, err := topology.Parse([]byte(text)); err != nil {
			return changes, exit.Usagef("%w", err)
		}
		changes.Topology = text
	}
	if changes.Rules, err = rules(changed); err != nil {
		return changes, err
	}
	replace := map[string]string{}
	changes.Declared, changes.Detections = map[string]string{}, map[string]string{}
	for name, text := range changed {
		detection, _ := path.Match(ruleFile, name)
		told, plane := strings.CutPrefix(name, planeFolder)
		switch {
		case path.Dir(name) == rulesFolder:
		case plane && path.Ext(name) != ".go":
			changes.Declared[told] = text
		case detection:
			changes.Detections[path.Base(path.Dir(name))] = text
		default:
			replace[filepath.Join(c.Repo, name)] = c.path(name)
		}
	}
	changes.Programs, err = programs(ctx, c, replace, original, bin)
	return changes, err
}

// rules are the platform's, with those that were changed; nil if none was.
func rules(changed map[string]string) (map[string]string, error) {
	all, err := policy.Rules()
	if err != nil {
		return nil, err
	}
	any := false
	for name, text := range changed {
		if path.Dir(name) == rulesFolder && !strings.HasSuffix(name, "_test.rego") {
			all[path.Base(name)], any = text, true
		}
	}
	if !any {
		return nil, nil
	}
	return all, nil
}

// programs builds what the copy makes of the platform, and returns by program where those are that differ from the lab's own.
func programs(ctx context.Context, c Copy, replace map[string]string, original, bin string) (map[string]string, error) {
	if len(replace) == 0 {
		return nil, nil
	}
	if err := tools.BuildOverlaid(ctx, c.Repo, bin, replace); err != nil {
		return nil, exit.Usagef("%w", err)
	}
	differ := map[string]string{}
	for _, pkg := range tools.Platform {
		name := path.Base(pkg)
		mine, err := digest(filepath.Join(bin, name))
		if err != nil {
			return nil, err
		}
		theirs, err := digest(filepath.Join(original, name))
		if err != nil {
			return nil, err
		}
		if mine != theirs {
			differ[name] = filepath.Join(bin, name)
		}
	}
	return differ, nil
}

func digest(file string) (sum [sha256.Size]byte, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return sum, fmt.Errorf("compare programs: %w", err)
	}
	return sha256.Sum256(text), nil
}
