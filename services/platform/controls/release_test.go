//go:build release

package controls_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
)

func TestRefusedInRelease(t *testing.T) {
	require.ErrorContains(t, controls.SwitchOff(slog.Default(), []string{controls.EdgeScope}), "release")
	require.True(t, controls.On(controls.EdgeScope))
	require.NoError(t, controls.SwitchOff(slog.Default(), nil))

	require.ErrorContains(t, controls.Unsafe(), "release")
	require.ErrorContains(t, controls.Inject(slog.Default(), controls.Delays{controls.AppPolicy: time.Microsecond}), "release")
	require.Empty(t, controls.Injected())
	for _, p := range controls.Profiles() {
		err := controls.SwitchOff(slog.Default(), p.Off())
		require.Equal(t, p.Weak(), err != nil, "profile %s", p.Name)
	}
}
