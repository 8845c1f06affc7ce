package topology_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"redoubt.example/infra/topology"
)

func TestParseRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ yaml, want string }{
		"unknown key":         {"services: {a: {colour: red}}", "field colour not found"},
		"unknown caller":      {`services: {a: {routes: [{route: GET /x, callers: [b], principal: none}]}}`, `caller "b" is not a service`},
		"no caller":           {`services: {a: {routes: [{route: GET /x, principal: none}]}}`, "has no caller"},
		"self call":           {`services: {a: {routes: [{route: GET /x, callers: [a], principal: none}]}}`, "doesn't call itself"},
		"no scope":            {`services: {a: {}, b: {routes: [{route: GET /x, callers: [a]}]}}`, "needs a scope"},
		"scope without token": {`services: {a: {}, b: {routes: [{route: GET /x, callers: [a], principal: none, scopes: [s]}]}}`, "no bearer"},
		"route twice":         {`services: {a: {}, b: {routes: [{route: GET /x, callers: [a], principal: none}, {route: GET /x, callers: [a], principal: none}]}}`, "listed twice"},
		"malformed route":     {`services: {a: {}, b: {routes: [{route: FETCH x, callers: [a], principal: none}]}}`, "neither"},
		"edge to nothing":     {`services: {a: {}}` + "\nedge: [{route: GET /x, upstream: a, public: true}]", "offers no"},
		"job of nothing":      {`jobs: {j: {service: z}}`, "is not a service"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := topology.Parse([]byte(tc.yaml))
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestPlatform(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	require.Equal(t, []string{"inference", "ingestion"}, without(top.Callers("payments"), "gateway"))
	require.Equal(t, []string{"inference"}, top.Callers("modelstore"))
	require.NotContains(t, top.Upstreams("notification"), "payments", "the least trusted service reaches for no money")
	require.Equal(t, []string{"gateway"}, top.Upstreams("notification"))
}

func without(list []string, drop string) (rest []string) {
	for _, s := range list {
		if s != drop {
			rest = append(rest, s)
		}
	}
	return rest
}
