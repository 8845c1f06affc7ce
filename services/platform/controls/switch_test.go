package controls_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
)

// A switch holds for a process's life: so this test runs itself as a process of its own.
func TestSwitchOff(t *testing.T) {
	if os.Getenv("SWITCH_OFF") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSwitchOff$", "-test.v")
		cmd.Env = append(os.Environ(), "SWITCH_OFF=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), "--- PASS: TestSwitchOff")
		return
	}
	var log bytes.Buffer
	logger := telemetry.NewLogger(&log, "gateway", "info")
	require.NoError(t, controls.SwitchOff(logger, nil))
	require.True(t, controls.On(controls.EdgeScope))
	require.ErrorContains(t, controls.SwitchOff(logger, []string{"edge.magic"}), `"edge.magic"`)
	require.Empty(t, log.String())

	require.NoError(t, controls.SwitchOff(logger, []string{controls.EdgeScope}))
	require.False(t, controls.On(controls.EdgeScope))
	require.True(t, controls.On(controls.EdgeIssuer))
	require.Equal(t, []string{controls.EdgeScope}, controls.SwitchedOff())
	require.Contains(t, log.String(), "UNSAFE")
	refuse := func() error { return errors.New("refused") }
	require.NoError(t, controls.Enforce(t.Context(), controls.EdgeScope, refuse))
	require.Error(t, controls.Enforce(t.Context(), controls.EdgeIssuer, refuse))
}

// A build for release has no switches at all.
func TestReleaseHasNoSwitch(t *testing.T) {
	cmd := exec.Command("go", "test", "-tags=release", "-run=^TestRefusedInRelease$", "-v", ".")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "--- PASS: TestRefusedInRelease")
}
