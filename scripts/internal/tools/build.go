package tools

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"redoubt.example/infra/process"
)

// Platform is the packages of our own that the lab runs, from the repository's root.
var Platform = []string{
	"./gateway",
	"./services/ingestion", "./services/inference", "./services/payments", "./services/notification", "./services/modelstore",
	"./services/sentinel",
	"./services/platform/mesh/sidecar", "./services/platform/mesh/envoyagent",
}

// buildFlags make binaries that need no C library, name no path of this machine and carry no symbols.
var buildFlags = []string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w"}

// buildPlatform builds the platform's binaries into a folder, each named after its package's folder. The go
// command itself sees what is up to date.
func buildPlatform(ctx context.Context, repo, bin string) error {
	args := append(append(buildFlags, "-o", bin+"/"), Platform...)
	return goCommand(ctx, repo, []string{"CGO_ENABLED=0"}, args...)
}

// build builds one program of a module that stays outside the workspace.
func build(ctx context.Context, module, output, pkg string) error {
	return goCommand(ctx, module, []string{"GOWORK=off", "CGO_ENABLED=0"}, append(buildFlags, "-o", output, pkg)...)
}

func goCommand(ctx context.Context, dir string, env []string, args ...string) error {
	path, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("the go command isn't on PATH")
	}
	return run(ctx, process.Spec{Name: "go build", Path: path, Args: args, Dir: dir, Env: append(os.Environ(), env...)})
}

// run runs a command to its end, or to the context's: then it and what it started are gone. A failing command's
// error ends with the last it said.
func run(ctx context.Context, spec process.Spec) error {
	spec.StopSignal, spec.StopTimeout = syscall.SIGINT, 5*time.Second
	var output bytes.Buffer // read only after the process has ended
	err := process.Run(ctx, spec, &output)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("%w: %s", err, lastWords(output.String()))
}

func lastWords(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}
