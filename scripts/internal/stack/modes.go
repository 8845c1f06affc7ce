package stack

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"redoubt.example/scripts/internal/tools"
)

// Modes are how workloads may be joined to the mesh.
var Modes = []string{ModeSidecar, modeNative, modePlaintext, ModeEnvoy}

const (
	ModeSidecar   = "sidecar"   // each app has a data plane beside it
	modeNative    = "native"    // the app is its own data plane
	modePlaintext = "plaintext" // no identity at all: the measuring baseline
	ModeEnvoy     = "envoy"
)

// UnsafeLab must be "1" in the environment of who asks for a lab with controls off.
const UnsafeLab = "REDOUBT_UNSAFE_LAB"

// ErrNoMode tells that a mode can't be had on this machine, though it exists.
var ErrNoMode = errors.New("can't be had here")

// CheckMode refuses a mode that doesn't exist, one that needs what isn't here (ErrNoMode), and one that needs to be
// asked for twice.
func CheckMode(mode string, getenv func(string) string) error {
	if err := knownMode(mode); err != nil {
		return err
	}
	switch {
	case mode == modePlaintext && getenv(UnsafeLab) != "1":
		return fmt.Errorf("mode plaintext has no identity and no encryption between services: set %s=1 to start it all the same", UnsafeLab)
	case mode == ModeEnvoy:
		_, err := EnvoyProgram()
		return err
	}
	return nil
}

// EnvoyProgram is the Envoy on PATH, which the workloads' users must be able to execute, too.
func EnvoyProgram() (string, error) {
	path, err := exec.LookPath("envoy")
	if err != nil {
		return "", fmt.Errorf("mode envoy %w: there is no envoy on PATH", ErrNoMode)
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", err
	}
	if os.Geteuid() == 0 && !tools.ForEveryone(path) {
		return "", fmt.Errorf("mode envoy %w: %s can't be executed by other users than root", ErrNoMode, path)
	}
	return path, nil
}

func knownMode(mode string) error {
	if !slices.Contains(Modes, mode) {
		return fmt.Errorf("there is no mode %q: it is one of %s", mode, strings.Join(Modes, ", "))
	}
	return nil
}

// Warning is what to say, loudly, of a mode that protects nothing; "" of the others.
func Warning(mode string) string {
	if mode != modePlaintext {
		return ""
	}
	return "UNSAFE: mode plaintext: no encryption and no intentions between services, and every caller is believed. For measuring only."
}

// hasSidecars tells whether each workload has a process beside it that is its way into the mesh.
func hasSidecars(mode string) bool { return mode == ModeSidecar || mode == ModeEnvoy }
