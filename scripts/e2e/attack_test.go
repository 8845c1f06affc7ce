package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAttackVerbs: bad input is refused, a control that is off is said so loudly and lets its attacks through, and an attack
// is blocked again once it is on. The whole suite is a part of `lab test` of its own.
func TestAttackVerbs(t *testing.T) {
	t.Parallel()
	l := up(t)
	t.Run("bad input", func(t *testing.T) { testAttackInput(t, l) })
	t.Run("blocked", func(t *testing.T) { testBlocked(t, l) })
	t.Run("off and on", func(t *testing.T) { testSwitch(t, l) })
	t.Run("proved", func(t *testing.T) {
		got := l.run(t, "attack", "prove", "edge.scope", "--json")
		require.Zero(t, got.code, got.stderr)
		var proof struct {
			Controls []struct {
				ID      string
				Proved  bool
				Attacks []string
			}
		}
		require.NoError(t, json.Unmarshal([]byte(got.stdout), &proof))
		require.Len(t, proof.Controls, 1)
		require.True(t, proof.Controls[0].Proved)
		require.NotEmpty(t, proof.Controls[0].Attacks)
		require.Empty(t, l.run(t, "control", "list", "--json").stderr)
	})
	t.Run("traced", func(t *testing.T) {
		got := l.run(t, "threat", "trace", "T-006")
		require.Zero(t, got.code, got.stderr)
		require.Contains(t, got.stdout, "edge.scope.admin-routes: blocked")
		require.Contains(t, got.stdout, `"control":"edge.scope"`)
	})
	t.Run("load", func(t *testing.T) {
		got := l.run(t, "load", "smoke", "--duration", "10s", "--rate", "8", "--json")
		require.Zero(t, got.code, got.stderr)
		var result struct {
			Passed    bool
			Dashboard string
		}
		require.NoError(t, json.Unmarshal([]byte(got.stdout), &result))
		require.True(t, result.Passed)
		html, err := os.ReadFile(result.Dashboard)
		require.NoError(t, err)
		require.Contains(t, string(html), "k6")
	})
	l.refresh(t)
	require.True(t, l.status.Ready)
	for _, c := range l.status.Components {
		require.Zero(t, c.Restarts, c.Name) // a switch is no crash
	}
}

func testAttackInput(t *testing.T, l *lab) {
	for _, args := range [][]string{
		{"attack"}, {"attack", "party"}, {"attack", "run", "no.such"}, {"attack", "run", "edge.["}, {"attack", "show"}, {"attack", "show", "edge.*"},
		{"attack", "prove", "no.such"}, {"attack", "prove", "mesh.["}, {"threat"}, {"threat", "show"}, {"threat", "show", "T-999"}, {"threat", "trace", "x"},
		{"control"}, {"control", "off", "edge.scope"}, {"control", "on", "edge.magic"}, {"load"}, {"load", "party"}, {"load", "smoke", "--rate", "1"}, {"load", "soak", "--duration", "1h"},
	} {
		got := l.run(t, args...)
		require.Equal(t, 2, got.code, "%v: %s", args, got.stderr)
		require.Empty(t, got.stdout, args)
	}
}

func testBlocked(t *testing.T, l *lab) {
	junit, sarif := filepath.Join(t.TempDir(), "j.xml"), filepath.Join(t.TempDir(), "s.sarif")
	got := l.run(t, "attack", "run", "edge.scope.*", "mesh.lateral.notification-payments", "--json", "--junit", junit, "--sarif", sarif)
	require.Zero(t, got.code, got.stdout+got.stderr)
	var report struct {
		Attacks []struct {
			ID, Verdict string
			Evidence    struct{ Record map[string]any }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &report))
	require.Greater(t, len(report.Attacks), 2)
	for _, a := range report.Attacks {
		require.Equal(t, "blocked", a.Verdict, a.ID)
		require.Equal(t, "deny", a.Evidence.Record["decision"], a.ID)
	}
	for _, path := range []string{junit, sarif} {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(raw), "notification-payments")
	}
	require.Contains(t, l.run(t, "attack", "status", "edge.scope.*").stdout, "blocked")
}

func testSwitch(t *testing.T, l *lab) {
	l = l.with(weakens)
	require.Equal(t, 2, l.run(t, "control", "off", "edge.magic").code)
	got := l.run(t, "control", "off", "edge.scope")
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stdout, "restarted: gateway\n", "the process that enforces it, and no other")
	status := l.run(t, "status").stdout
	require.Contains(t, status, "UNSAFE")
	require.Contains(t, status, "edge.scope")
	require.Equal(t, 1, l.run(t, "attack", "run", "edge.scope.admin-routes").code, "a run is of the platform as it is meant to be")
	got = l.run(t, "control", "on")
	require.Zero(t, got.code, got.stderr)
	require.NotContains(t, l.run(t, "status").stdout, "UNSAFE")
	require.Zero(t, l.run(t, "attack", "run", "edge.scope.admin-routes").code)
}
