package controlstest_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
)

func TestOff(t *testing.T) {
	for _, id := range []string{controls.EdgeScope, controls.AppPolicy} {
		t.Run(id, func(t *testing.T) {
			parent := os.Getenv("CONTROLSTEST_PROCESS") == ""
			controlstest.Off(t, func() {
				require.False(t, parent, "in a process of its own")
				require.Equal(t, []string{id}, controls.SwitchedOff())
			}, id)
			if parent {
				require.Empty(t, controls.SwitchedOff())
			}
		})
	}
}
