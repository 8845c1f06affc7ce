package stack_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/services/platform/controls"
)

func TestChoose(t *testing.T) {
	for _, tc := range []struct{ profile, mode, says string }{
		{"library", "sidecar", "doesn't go with mode sidecar"},
		{"layered", "plaintext", "doesn't go with mode plaintext"},
		{"gateway-only", "native", "doesn't go with mode native"},
		{"fort", "", `no profile "fort"`},
		{"fort", "sidecar", `no profile "fort"`},
		{"layered", "telepathy", `no mode "telepathy"`},
		{"", "telepathy", `no mode "telepathy"`},
	} {
		_, _, err := stack.Choose(tc.profile, tc.mode)
		require.ErrorContains(t, err, tc.says)
	}
	for _, tc := range []struct{ profile, mode, name, chosen string }{
		{"", "", "layered", "sidecar"},
		{"", "native", "layered", "native"},
		{"", "plaintext", stack.NoProfile, "plaintext"},
		{"layered", "native", "layered", "native"},
		{"plaintext", "", "plaintext", "plaintext"},
		{"gateway-only", "plaintext", "gateway-only", "plaintext"},
		{"mesh-only", "", "mesh-only", "sidecar"},
		{"library", "", "library", "native"},
		{"overchecked", "", "overchecked", "sidecar"},
	} {
		name, chosen, err := stack.Choose(tc.profile, tc.mode)
		require.NoError(t, err)
		require.Equal(t, [2]string{tc.name, tc.chosen}, [2]string{name, chosen})
	}
}

func TestWeakProfilesAreAskedForTwice(t *testing.T) {
	unsafe := func(value string) func(string) string { return func(string) string { return value } }
	for _, p := range append(controls.Profiles(), controls.Profile{Name: stack.NoProfile}) {
		off := len(stack.ProfileOff(p.Name))
		if off == 0 {
			require.NoError(t, stack.CheckProfile(p.Name, unsafe("")), p.Name)
			require.Empty(t, stack.ProfileWarning(p.Name))
			continue
		}
		require.ErrorContains(t, stack.CheckProfile(p.Name, unsafe("")), "REDOUBT_UNSAFE_LAB=1", p.Name)
		require.ErrorContains(t, stack.CheckProfile(p.Name, unsafe("yes")), "REDOUBT_UNSAFE_LAB=1", p.Name)
		require.NoError(t, stack.CheckProfile(p.Name, unsafe("1")), p.Name)
		require.Contains(t, stack.ProfileWarning(p.Name), "UNSAFE")
	}
	require.Empty(t, stack.ProfileOff("layered"))
	all := slices.DeleteFunc(controls.All(), func(c controls.Control) bool { return c.Owner == controls.Engine || c.Owner == controls.Supervisor })
	require.Len(t, stack.ProfileOff("plaintext"), len(all))
}

func TestDeviation(t *testing.T) {
	more, less := stack.Deviation("layered", []string{"edge.scope", "app.policy (payments)"})
	require.Equal(t, []string{"edge.scope", "app.policy (payments)"}, more)
	require.Empty(t, less)
	off := stack.ProfileOff("gateway-only")
	more, less = stack.Deviation("gateway-only", append([]string{"edge.waf"}, off[1:]...))
	require.Equal(t, []string{"edge.waf"}, more)
	require.Equal(t, off[:1], less)
}

// The control plane is told what to enforce; only what runs as a process of its own gets it by its environment.
func TestEnvOf(t *testing.T) {
	env := new(stack.Stack).EnvOf(control.Switched{Without: map[string][]string{controlplane.Vault: {"infra.attest"}, "payments": {"app.policy", "app.txn-token"}}}, nil)
	require.Equal(t, map[string][]string{"payments": {"REDOUBT_UNSAFE_LAB=1", "REDOUBT_CONTROLS_OFF=app.policy,app.txn-token"}}, env)
}
