package containers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// Visitor is a process in a container of its own beside the platform's: in the network namespace of one of them, or on
// networks of theirs. It has no capability, as they have none.
type Visitor struct {
	Beside   string            // the service whose network namespace it is in; "" for one of its own, on Networks
	Networks []string          // without the project's name
	UID, GID int               //
	Program  string            // a static binary of this machine's
	Args     []string          //
	Env      []string          // "NAME=value": nothing secret
	Binds    []string          // folders of this machine's, at the same path there; a suffix ":ro" means what it says
	Volumes  map[string]string // the platform's -> where they are mounted
}

// program is where a visitor's binary is mounted.
const program = "/visitor"

// Visit runs a visitor to its end, or to the context's, and returns what it said. It leaves no container.
func (p *Platform) Visit(ctx context.Context, v Visitor) (output string, err error) {
	args, err := p.arguments(ctx, v)
	if err != nil {
		return "", err
	}
	id, err := run(ctx, nil, nil, "docker", args...)
	if err != nil {
		return "", err
	}
	defer func() {
		_, gone := run(context.WithoutCancel(ctx), nil, nil, "docker", "rm", "--force", id)
		err = errors.Join(err, gone)
	}()
	if v.Beside == "" {
		for _, network := range v.Networks[1:] {
			if _, err := run(ctx, nil, nil, "docker", "network", "connect", p.Project+"_"+network, id); err != nil {
				return "", err
			}
		}
	}
	var said bytes.Buffer
	start := exec.CommandContext(ctx, "docker", "start", "--attach", id)
	start.Stdout, start.Stderr = &said, &said
	err = start.Run()
	return strings.TrimSpace(said.String()), err
}

// arguments are those of docker create.
func (p *Platform) arguments(ctx context.Context, v Visitor) ([]string, error) {
	args := []string{"create", "--label", visitorLabel + "=" + p.Project, "--user", fmt.Sprintf("%d:%d", v.UID, v.GID),
		"--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--pids-limit", "256",
		"--volume", v.Program + ":" + program + ":ro", "--entrypoint", program}
	switch {
	case v.Beside != "":
		c, err := p.Find(ctx, v.Beside)
		if err != nil {
			return nil, err
		}
		args = append(args, "--network", "container:"+c.ID)
	case len(v.Networks) > 0:
		args = append(args, "--network", p.Project+"_"+v.Networks[0])
	default:
		return nil, errors.New("a visitor needs a network")
	}
	for _, entry := range v.Env {
		args = append(args, "--env", entry)
	}
	for _, bind := range v.Binds {
		path, readOnly := strings.CutSuffix(bind, ":ro")
		if mount := path + ":" + path; readOnly {
			args = append(args, "--volume", mount+":ro")
		} else {
			args = append(args, "--volume", mount)
		}
	}
	for volume, at := range v.Volumes {
		args = append(args, "--volume", p.Project+"_"+volume+":"+at)
	}
	return slices.Concat(args, []string{visitorImage}, v.Args), nil
}

// visitorImage is one that is there whenever the platform is, and holds nothing that a visitor could use.
const visitorImage = "redoubt/attestor:local"
