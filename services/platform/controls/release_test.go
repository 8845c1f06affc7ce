//go:build release

package controls_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
)

func TestRefusedInRelease(t *testing.T) {
	require.ErrorContains(t, controls.SwitchOff(slog.Default(), []string{controls.EdgeScope}), "release")
	require.True(t, controls.On(controls.EdgeScope))
	require.NoError(t, controls.SwitchOff(slog.Default(), nil))
}
