package attack

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"redoubt.example/infra/process"
	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/containers"
	"redoubt.example/scripts/internal/control"
)

// The phases of an attack's script.
const (
	benign  = "benign"
	attempt = "attack"
	check   = "check" // after a restart
	revert  = "revert"
)

// outcome is what a script reports of a phase.
type outcome struct {
	Phase      string   `json:"phase"`
	Outcome    string   `json:"outcome"` // gained, refused or error
	Detail     string   `json:"detail"`
	Errno      string   `json:"errno"`
	RequestIDs []string `json:"request_ids"`
	Peers      []string `json:"peers"`
	PID        int      `json:"pid"`
	BeganMS    int64    `json:"began_ms"` // of the Unix epoch
	EndedMS    int64    `json:"ended_ms"`
	Marks      []string `json:"marks"`    // of what was tampered with: a digest, by which a record names it
	Canaries   []string `json:"canaries"` // what must be in no log
	Each       []try    `json:"each"`     // of many tries those that each need a record
}

// try is one of many, as its record names it.
type try struct {
	RequestID string `json:"request_id"`
	Peer      string `json:"peer"`
}

const (
	gained  = "gained"
	refused = "refused"
	broken  = "error"
)

// player runs scripts in a folder of its own, which ends with it.
type player struct {
	lab    *Lab
	places control.Places
	folder string
	held   *held

	// Of a lab of containers, else nil: attackers stand beside them.
	platform *containers.Platform
	all      []containers.Container
}

// newPlayer lays the scripts out for k6, readable by every user: there is no secret in them.
func newPlayer(ctx context.Context, lab *Lab, places control.Places) (*player, error) {
	folder, err := os.MkdirTemp(lab.RunDir, "attack-")
	if err != nil {
		return nil, err
	}
	p := &player{lab: lab, places: places, folder: folder, held: &held{}}
	if places.Project != "" {
		p.platform = &containers.Platform{Project: places.Project}
		if p.all, err = p.platform.List(ctx); err != nil {
			return nil, errors.Join(err, p.close())
		}
	}
	if err := os.Chmod(folder, 0o711); err != nil { //nolint:gosec // the attackers' users pass through it
		return nil, errors.Join(err, p.close())
	}
	err = fs.WalkDir(lab.Scripts, ".", func(path string, d fs.DirEntry, err error) error {
		if !d.IsDir() && filepath.Ext(path) != ".js" {
			return err
		}
		if err != nil || d.IsDir() {
			return errors.Join(err, os.MkdirAll(filepath.Join(folder, path), 0o755)) //nolint:gosec // likewise
		}
		raw, err := fs.ReadFile(lab.Scripts, path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(folder, path), raw, 0o644) //nolint:gosec // likewise
	})
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *player) close() error { return os.RemoveAll(p.folder) }

// play runs an attack's phases in one process, as the user of its vantage point, and returns what each reported.
func (p *player) play(ctx context.Context, a attacks.Attack, phases ...string) (map[string]outcome, error) {
	own, err := os.MkdirTemp(p.folder, "run-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(own)
	user := p.user(a.Vantage)
	given, err := p.given(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("take up the vantage point %s: %w", a.Vantage, err)
	}
	defer given.close()
	if visitor := given.ground.visitor; p.platform != nil {
		user = control.User{UID: visitor.UID, GID: visitor.GID}
	}
	p.held.take(given.data)
	given.data["phases"] = phases
	raw, err := json.Marshal(given.data)
	if err != nil {
		return nil, err
	}
	driver := fmt.Sprintf("import * as script from '../%s/attack.js';\nimport { play } from '../lib/lab.js';\nexport { options } from '../lib/lab.js';\nexport default () => play(script);\n", a.ID)
	for name, content := range map[string][]byte{"given.json": raw, "driver.js": []byte(driver), "results": nil} {
		if err := writeFor(filepath.Join(own, name), content, user); err != nil {
			return nil, err
		}
	}
	if err := chownFor(own, user); err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, a.Timeout*time.Duration(len(phases))+5*time.Second)
	defer cancel()
	var output bytes.Buffer
	args := []string{"run", "--quiet", "--no-summary", "--no-usage-report", "--address", "", "-e", "GIVEN=" + filepath.Join(own, "given.json"), filepath.Join(own, "driver.js")}
	if p.platform != nil && !given.ground.host {
		var said string
		said, err = p.visit(within, given.ground, own, args)
		output.WriteString(said)
	} else {
		err = p.here(within, own, user, args, &output)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	outcomes, readErr := readOutcomes(filepath.Join(own, "results"))
	if readErr != nil {
		return nil, readErr
	}
	for _, phase := range phases {
		if _, ok := outcomes[phase]; !ok && phase != revert {
			outcomes[phase] = outcome{Phase: phase, Outcome: broken, Detail: why(err, within.Err(), output.String())}
		}
	}
	return outcomes, nil
}

// here runs k6 as a process of this machine's.
func (p *player) here(ctx context.Context, own string, user control.User, args []string, output io.Writer) error {
	return process.Run(ctx, process.Spec{
		Name: "k6", Path: p.lab.K6, Dir: own, UID: user.UID, GID: user.GID, StopSignal: syscall.SIGINT, StopTimeout: 2 * time.Second, Args: args,
		Env: []string{"HOME=" + own, "NO_COLOR=1", "PATH=/usr/bin:/bin", "MESH_FOLDER=" + p.lab.RunDir, "MESH_RESULTS=" + filepath.Join(own, "results")},
	}, output)
}

// why says how a script ended without a report.
func why(err, timeout error, output string) string {
	var end *exec.ExitError
	switch {
	case timeout != nil:
		return "it took too long"
	case err != nil && !errors.As(err, &end):
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return "it ended without a report: " + lines[len(lines)-1]
}

func readOutcomes(path string) (map[string]outcome, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	all := map[string]outcome{}
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 64<<10), 4<<20)
	for lines.Scan() {
		var o outcome
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return nil, fmt.Errorf("read what the script reported: %w", err)
		}
		all[o.Phase] = o
	}
	return all, lines.Err()
}

func writeFor(path string, content []byte, user control.User) error {
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	return chownFor(path, user)
}

func chownFor(path string, user control.User) error {
	if user.UID == 0 {
		return nil
	}
	return os.Chown(path, user.UID, user.GID)
}
