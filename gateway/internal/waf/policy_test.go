package waf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/waf"
)

func TestPolicy(t *testing.T) {
	for name, tc := range map[string]struct {
		mode   string
		level  int
		routes []string
		says   string
	}{
		"no such mode":          {"deny", 1, nil, `no mode "deny"`},
		"no mode":               {"", 1, nil, "no mode"},
		"no such level":         {"block", 5, nil, "levels 1 to 4, not 5"},
		"no level":              {"block", 0, nil, "levels 1 to 4, not 0"},
		"exception without how": {"block", 1, []string{"POST /v1/x"}, "isn't of the form"},
		"exception of no route": {"block", 1, []string{"x=off"}, "isn't of the form"},
		"its mode":              {"block", 1, []string{"POST /v1/x=on"}, `no mode "on"`},
		"its level":             {"block", 1, []string{"POST /v1/x=block:high"}, "no paranoia level"},
		"its level's range":     {"block", 1, []string{"POST /v1/x=block:9"}, "not 9"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := waf.ParsePolicy(tc.mode, tc.level, tc.routes)
			require.ErrorContains(t, err, tc.says)
		})
	}
	p, err := waf.ParsePolicy("block", 1, []string{"POST /v1/x=detect", " GET /v1/y=off"})
	require.NoError(t, err)
	g, err := waf.Load(p)
	require.NoError(t, err)
	require.Equal(t, waf.Setting{Mode: waf.Detect, Level: 1}, g.Of("POST /v1/x"))
	require.Equal(t, waf.Off, g.Of("GET /v1/y").Mode)
	require.Equal(t, waf.Setting{Mode: waf.Block, Level: 1}, g.Of("GET /v1/z"))
	require.Equal(t, []string{"GET /v1/y", "POST /v1/x"}, g.Routes())
}
