package attacks_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/attacks"
)

const (
	description = `
id: edge.x
title: A title
threat: T-001
technique: T1190
vantage: outside
blocked_by: edge.scope
backed_by: [app.policy]
modes: [sidecar]
`
	script = "export function benign(lab) {}\nexport function attack(lab) {}\n"
)

func folder(description, script string) fstest.MapFS {
	return fstest.MapFS{"edge.x/attack.yaml": {Data: []byte(description)}, "edge.x/attack.js": {Data: []byte(script)}}
}

func TestWhatIsRefused(t *testing.T) {
	for name, change := range map[string][2]string{
		"another ID":             {"edge.x", "edge.y"},
		"no title":               {"A title", ""},
		"no threat":              {"T-001", ""},
		"technique":              {"T1190", "1190"},
		"vantage":                {"vantage: outside", "vantage: inside"},
		"a stolen thing":         {"vantage: outside", "vantage: stolen:car"},
		"a service":              {"vantage: outside", `vantage: "service:"`},
		"a control twice":        {"[app.policy]", "[edge.scope]"},
		"no mode":                {"[sidecar]", "[]"},
		"a mode":                 {"[sidecar]", "[telepathy]"},
		"too long":               {"modes:", "timeout: 31s\nmodes:"},
		"both stopped and found": {"modes:", "evidence: alert\nraises: x\nmodes:"},
		"found by nothing":       {"blocked_by: edge.scope\nbacked_by: [app.policy]", "evidence: alert"},
		"stopped, and raises":    {"modes:", "raises: x\nmodes:"},
		"unknown field":          {"modes:", "target_service: x\nmodes:"},
		"unknown evidence":       {"modes:", "evidence: hearsay\nmodes:"},
		"what is no needed":      {"modes:", "needs: luck\nmodes:"},
	} {
		_, err := attacks.Read(folder(strings.Replace(description, change[0], change[1], 1), script))
		require.Error(t, err, name)
	}
	for name, text := range map[string]string{
		"no attack":       "export function benign(lab) {}\n",
		"no twin":         "export function attack(lab) {}\n",
		"k6's own client": "import http from 'k6/http';\n" + script,
	} {
		_, err := attacks.Read(folder(description, text))
		require.Error(t, err, name)
	}
	all, err := attacks.Read(folder(description, script))
	require.NoError(t, err)
	require.Equal(t, []string{"edge.scope", "app.policy"}, all[0].Controls())
	require.Equal(t, attacks.EvidenceRecord, all[0].Evidence)
	all, err = attacks.Read(folder(strings.Replace(description, "blocked_by: edge.scope\nbacked_by: [app.policy]", "evidence: alert\nraises: exfiltration", 1), script))
	require.NoError(t, err)
	require.Empty(t, all[0].Controls())
}

// TestSuite: at least fifty, from every vantage point.
func TestSuite(t *testing.T) {
	all, err := attacks.Load()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(all), 50)
	from := map[string]int{}
	for _, a := range all {
		kind, _, _ := strings.Cut(string(a.Vantage), ":")
		from[kind]++
	}
	for _, kind := range []string{"outside", "service", "process", "stolen", "control-plane"} {
		require.Positive(t, from[kind], kind)
	}
}
