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
	require.Equal(t, []string{"gateway", "sentinel"}, top.Upstreams("notification"))
	require.Empty(t, top.Upstreams("sentinel"), "who sees everything calls nobody")
}

func without(list []string, drop string) (rest []string) {
	for _, s := range list {
		if s != drop {
			rest = append(rest, s)
		}
	}
	return rest
}

func TestMistakesPointAtTheirPlace(t *testing.T) {
	const head = "services:\n  a: {}\n  b:\n    routes:\n"
	for name, tc := range map[string]struct {
		yaml      string
		line, col int
	}{
		"unknown key":    {"services:\n  a: { summary: x, colour: red }\n", 2, 20},
		"wrong type":     {"services:\n  a:\n    routes: 7\n", 3, 5},
		"unknown caller": {head + "      - route: GET /x\n        principal: none\n        callers: [a, zed]\n", 7, 22},
		"no caller":      {head + "      - { route: GET /x, principal: none }\n", 5, 9},
		"call of nothing": {head + "      - route: GET /x\n        callers: [a]\n        principal: none\n        calls:\n          - a GET /y\n",
			9, 13},
		"secret with a star": {"services:\n  a:\n    secrets:\n      - transit/sign/*\n", 4, 9},
		"database by hand":   {"services:\n  a:\n    secrets: [database/creds/b]\n", 3, 15},
		"job's database":     {"services:\n  a: {}\njobs:\n  m: { service: a, database: true }\n", 4, 30},
		"caller on no path":  {head + "      - { route: GET /x, callers: [a], scopes: [s] }\n", 5, 36},
		"edge to nothing":    {"services: {a: {}}\nedge:\n  - { route: GET /x, upstream: a, public: true }\n", 3, 5},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := topology.Parse([]byte(tc.yaml))
			var at *topology.Error
			require.ErrorAs(t, err, &at)
			require.Equal(t, [2]int{tc.line, tc.col}, [2]int{at.Line, at.Column}, err)
		})
	}
	_, err := topology.Parse([]byte("services: [\n"))
	require.ErrorContains(t, err, "line ")
}

// TestPaths: a document's transaction leads ingestion to payments; it leads inference nowhere, although inference
// charges in transactions of its own.
func TestPaths(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	const authorize = "POST /v1/authorizations"
	require.Empty(t, top.Entries("payments", authorize, "notification"))
	require.Equal(t, []string{"POST /v1/inferences", "POST /v1/inferences:stream"}, top.Entries("payments", authorize, "inference"))
	require.Equal(t, []string{"POST /v1/documents", "POST /v1/documents:batch"}, top.Entries("payments", authorize, "ingestion"))
	require.NotContains(t, top.Entries("payments", authorize, "gateway"), "POST /v1/webhooks/{source}", "there is no token")
	require.Empty(t, top.Path("POST /v1/webhooks/{source}"))
	require.Empty(t, top.Path("GET /v1/elsewhere"))
	require.Equal(t, []topology.Hop{{Caller: "gateway", Service: "payments", Route: "GET /v1/account"}}, top.Path("GET /v1/account"))
	require.Len(t, top.Path("POST /v1/documents"), 6)
}
