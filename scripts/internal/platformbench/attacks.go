package platformbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"redoubt.example/infra/process"
	"redoubt.example/scripts/internal/attack"
	"redoubt.example/scripts/internal/stack"
)

// attacks has every profile attacked, in a lab of its own with limits that a flood can reach: what each one buys.
func (r *run) attacks(ctx context.Context) error {
	if !r.cfg.Plan.Attacks {
		return nil
	}
	for i := range r.result.Profiles {
		p := &r.result.Profiles[i]
		r.cfg.Say(p.Name + ": all attacks")
		found, err := r.attack(ctx, p.Name)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.note(fmt.Sprintf("%s wasn't attacked: %v", p.Name, err))
			continue
		}
		p.Blocked, p.Attacks, p.Skipped, p.Reach = found.Blocked, found.Total, len(found.Skipped), found.Reach
		if ids := found.with(attack.Inconclusive); len(ids) > 0 {
			r.note(p.Name + ": nothing can be said of " + strings.Join(ids, ", "))
		}
		if ids := found.with(attack.Succeeded); len(ids) > 0 && len(ids) < mostNamed {
			r.note(p.Name + ": got through: " + strings.Join(ids, ", "))
		}
	}
	return nil
}

// attacked is what `lab attack run` says of a profile.
type attacked struct {
	Blocked int               `json:"blocked"`
	Total   int               `json:"total"`
	Reach   *int              `json:"reach"`
	Skipped []json.RawMessage `json:"skipped"`
	Attacks []struct {
		ID      string         `json:"id"`
		Verdict attack.Verdict `json:"verdict"`
	} `json:"attacks"`
}

// mostNamed: where more attacks get through, their names say nothing that their number doesn't.
const mostNamed = 10

func (a attacked) with(v attack.Verdict) (ids []string) {
	for _, one := range a.Attacks {
		if one.Verdict == v {
			ids = append(ids, one.ID)
		}
	}
	return ids
}

// attack runs the lab's verb as a process of its own. Its exit code doesn't count: an attack that succeeds is a finding.
func (r *run) attack(ctx context.Context, profile string) (found attacked, err error) {
	folder := filepath.Join(r.cfg.Scratch, "attacks-"+profile)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return found, err
	}
	file, said := filepath.Join(folder, "verdicts.json"), &words{}
	ran := process.Run(ctx, process.Spec{Name: "lab attack run", Path: r.cfg.Lab.Path, Dir: r.cfg.Lab.Repo, StopTimeout: stopTimeout + time.Minute,
		Args: []string{"attack", "run", "--profile", profile, "--dir", filepath.Join(folder, "lab"), "-o", file},
		Env:  append(os.Environ(), stack.UnsafeLab+"=1")}, said)
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return found, fmt.Errorf("%w: %s", ran, said.last())
	}
	if err != nil {
		return found, err
	}
	return found, json.Unmarshal(raw, &found)
}
