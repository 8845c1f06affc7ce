package suite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"redoubt.example/infra/process"
)

// sameBuild has everything compiled as the platform's binaries are, which tests build, too: else most of the compiler's time goes
// to compiling each dependency twice. The race detector has its own.
func sameBuild() []string {
	return []string{"CGO_ENABLED=0", "GOFLAGS=" + strings.TrimSpace(os.Getenv("GOFLAGS")+" -trimpath")}
}

// command runs a tool of Go's in a folder of the repository and returns all that it said.
func (s *Suite) command(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s isn't on PATH", name)
	}
	var output bytes.Buffer // read only after the process has ended
	err = process.Run(ctx, process.Spec{
		Name: name, Path: path, Args: args, Dir: filepath.Join(s.Repo, dir),
		Env:         slices.Concat(os.Environ(), sameBuild(), s.Env, env),
		StopSignal:  syscall.SIGINT, // go test hands it on to the tests
		StopTimeout: time.Minute,    // in which a lab in containers is taken down
	}, &output)
	return output.String(), err
}

var (
	alone    = []string{"GOWORK=off"}
	withRace = []string{"CGO_ENABLED=1"}
)

func (s *Suite) format(ctx context.Context, _ *Part) error {
	args := append([]string{"-l"}, Modules...)
	out, err := s.command(ctx, "", nil, "gofmt", args...)
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if out != "" {
		return fmt.Errorf("not formatted, gofmt -w mends it: %s", strings.Join(strings.Fields(out), " "))
	}
	return nil
}

func (s *Suite) vet(ctx context.Context, _ *Part) error { return s.each(ctx, nil, "vet", "./...") }

// alone builds each module without the workspace, as somebody who depends on it would.
func (s *Suite) alone(ctx context.Context, _ *Part) error {
	return s.each(ctx, alone, "build", "-o", os.DevNull, "./...") // a module of one program would leave it lying there
}

// each runs the go command in every module that has packages, and joins what failed.
func (s *Suite) each(ctx context.Context, env []string, args ...string) error {
	var errs []error
	try := func(module string, env []string) {
		packages, err := s.packages(ctx, module, env...)
		if err == nil && len(packages) == 0 {
			return
		}
		var out string
		if err == nil {
			out, err = s.command(ctx, module, env, "go", args...)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w\n%s", module, err, out))
		}
	}
	for _, module := range Modules {
		try(module, env)
	}
	for _, module := range Outside {
		try(module, alone)
	}
	return errors.Join(errs...)
}
