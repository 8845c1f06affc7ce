// Package containers runs the platform of docker-compose.yml under a project's name of its own: up, looked at, its logs
// followed, down. It speaks to an engine on this machine: what is published is on this machine's loopback alone.
package containers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"redoubt.example/scripts/internal/images"
)

// Platform is one platform in containers, running or not.
type Platform struct {
	Project string   // its name among the engine's
	File    string   // docker-compose.yml
	Env     []string // what the file asks for: REDOUBT_PORT, REDOUBT_SUBNET
	With    []string // Extras
	Theirs  bool     // somebody else starts and ends it: Up and Down leave it alone
}

// extras are the file's profiles, which aren't there unless asked for, and what the platform's own are told of each.
var extras = map[string][]string{
	Grafana:       nil,
	Observability: {"REDOUBT_OTLP_ENDPOINT=http://jaeger:4318"},
	"redis":       {"REDOUBT_REDIS_URL=redis://redis:6379"},
}

// Observability takes traces and metrics in, and Grafana draws what is there then.
const (
	Observability = "observability"
	Grafana       = "grafana"
)

// assembled are images of others' programs that `lab images` makes where no registry has their makers', and what names each
// of them to the file.
var assembled = map[string]string{"JAEGER_IMAGE": "redoubt/jaeger:" + images.Tag, "PROMETHEUS_IMAGE": "redoubt/prometheus:" + images.Tag}

// Extras are the names that With may have, sorted.
func Extras() []string { return slices.Sorted(maps.Keys(extras)) }

// Project is the name for the platform of one lab's folder: the same each time, so that a later lab finds what a killed one
// left.
func Project(labFolder string) string {
	sum := sha256.Sum256([]byte(labFolder))
	return "redoubt-" + hex.EncodeToString(sum[:4])
}

// Check tells whether an engine answers, and whether compose is there.
func Check(ctx context.Context) error {
	if _, err := run(ctx, nil, nil, "docker", "version", "--format", "{{.Server.Version}}"); err != nil {
		return fmt.Errorf("no Docker engine answers: %w", err)
	}
	_, err := composeCommand(ctx)
	return err
}

// Up starts all containers. It returns when the last one has been started, which is before the platform serves.
func (p *Platform) Up(ctx context.Context) error {
	if p.Theirs {
		return nil
	}
	env := []string{profiles(p.With)}
	for _, name := range p.With {
		env = append(env, extras[name]...)
	}
	for variable, image := range assembled {
		if os.Getenv(variable) == "" && HasImage(ctx, image) {
			env = append(env, variable+"="+image)
		}
	}
	return p.compose(ctx, env, "up", "--detach", "--no-build")
}

// Down ends and removes everything of the platform's: containers, volumes, networks, and attackers beside them.
func (p *Platform) Down(ctx context.Context) error {
	left, err := run(ctx, nil, nil, "docker", "ps", "--all", "--quiet", "--filter", "label="+visitorLabel+"="+p.Project)
	if err == nil && left != "" {
		_, err = run(ctx, nil, nil, "docker", append([]string{"rm", "--force"}, strings.Fields(left)...)...)
	}
	if p.Theirs {
		return err
	}
	return errors.Join(err, p.compose(ctx, []string{profiles(Extras())}, "down", "--volumes", "--timeout", "5"))
}

// Exists tells whether the engine has a container of the platform's, running or not.
func (p *Platform) Exists(ctx context.Context) (bool, error) {
	found, err := run(ctx, nil, nil, "docker", "ps", "--all", "--quiet", "--filter", "label="+projectLabel+"="+p.Project)
	return found != "", err
}

func profiles(names []string) string { return "COMPOSE_PROFILES=" + strings.Join(names, ",") }

func (p *Platform) compose(ctx context.Context, env []string, args ...string) error {
	command, err := composeCommand(ctx)
	if err != nil {
		return err
	}
	command = append(command, "--project-name", p.Project, "--file", p.File)
	_, err = run(ctx, slices.Concat(p.Env, env), nil, command[0], append(command[1:], args...)...)
	return err
}

// composeCommand is Compose v2, the engine's own plugin, or docker-compose 1.29 where only that is.
func composeCommand(ctx context.Context) ([]string, error) {
	if exec.CommandContext(ctx, "docker", "compose", "version").Run() == nil {
		return []string{"docker", "compose"}, nil
	}
	if _, err := exec.LookPath("docker-compose"); err != nil {
		return nil, errors.New("neither docker compose nor docker-compose is installed")
	}
	return []string{"docker-compose"}, nil
}

// run returns what a program said. Its complaint is in the error.
func run(ctx context.Context, env []string, in io.Reader, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Stdin = append(os.Environ(), env...), in
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, verb(args), err, lastLines(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// verb is what a command line asks for, without its options.
func verb(args []string) string {
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "--project-name" || args[i] == "--file":
			i++
		case !strings.HasPrefix(args[i], "-"):
			return args[i]
		}
	}
	return ""
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}
