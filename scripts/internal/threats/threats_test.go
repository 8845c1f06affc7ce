package threats_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/threats"
)

const repo = "../../.."

func load(t *testing.T) *threats.Model {
	t.Helper()
	m, err := threats.Load(os.DirFS(filepath.Join(repo, "loadtest", "attacks")))
	require.NoError(t, err)
	return m
}

// TestRegistry: no threat without control or attack, no control without threat, no name of what doesn't exist.
func TestRegistry(t *testing.T) {
	m := load(t)
	require.Empty(t, m.Problems(), strings.Join(m.Problems(), "\n"))
	require.GreaterOrEqual(t, len(m.Threats), 30)
	require.GreaterOrEqual(t, len(m.Attacks), 50)
	for id, c := range m.Configured {
		_, err := os.Stat(filepath.Join(repo, c.File))
		require.NoError(t, err, id)
	}
}

func TestProblemsAreFound(t *testing.T) {
	for want, spoil := range map[string]func(m *threats.Model){
		"is tested by no attack, and":   func(m *threats.Model) { m.Attacks = m.Attacks[:1] },
		"which is no control":           func(m *threats.Model) { m.Controls = m.Controls[1:] },
		"stops no threat":               func(m *threats.Model) { m.Threats = m.Threats[:1] },
		"control edge.tls is tested by": func(m *threats.Model) { m.Attacks = nil },
		"which is no threat":            func(m *threats.Model) { m.Attacks[0].Threat = "T-999" },
		"doesn't say where":             func(m *threats.Model) { delete(m.Configured, "edge.tls") },
		"no control has the ID":         func(m *threats.Model) { m.Configured["edge.magic"] = m.Configured["edge.tls"] },
		"attack " + "":                  func(m *threats.Model) { m.Attacks[0].BlockedBy = "edge.magic" },
		"which is no service":           func(m *threats.Model) { m.Attacks[0].Target = "billing" },
		"which topology.yaml doesn't":   func(m *threats.Model) { m.Threats[0].Assets = []string{"database:modelstore"} },
		"topology.yaml doesn't allow":   func(m *threats.Model) { m.Threats[0].Path = []string{"notification -> payments"} },
		"topology.yaml allows":          func(m *threats.Model) { m.Threats[0].Path = []string{"ingestion -x payments"} },
		"to pass":                       func(m *threats.Model) { m.Threats[0].Path = []string{"outside -> nowhere"} },
		"which is neither":              func(m *threats.Model) { m.Threats[0].Owner = "nobody" },
		"which threat":                  func(m *threats.Model) { m.Attacks[0].Technique = "T9999" },
		"but " + "":                     func(m *threats.Model) { m.Threats[0].Untested = "no reason" },
	} {
		m := load(t)
		before := m.Problems()
		spoil(m)
		found := slices.ContainsFunc(m.Problems(), func(p string) bool { return strings.Contains(p, want) && !slices.Contains(before, p) })
		require.True(t, found, "%s: %s", want, m.Problems())
	}
}

// TestRenderings: what is rendered is what lies there. `lab threat render` mends it.
func TestRenderings(t *testing.T) {
	files, err := load(t).Render()
	require.NoError(t, err)
	for name, text := range files {
		have, err := os.ReadFile(filepath.Join(repo, "threatmodel", name))
		require.NoError(t, err)
		require.Equal(t, string(text), string(have), "run `lab threat render`")
	}
}
