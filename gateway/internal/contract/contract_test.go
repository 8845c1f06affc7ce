package contract_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/contract"
	"redoubt.example/infra/topology"
)

func load(t testing.TB) *contract.Contract {
	t.Helper()
	text, err := os.ReadFile("../../openapi.yaml")
	require.NoError(t, err)
	c, err := contract.Load(text)
	require.NoError(t, err)
	return c
}

// TestRoutesAreThoseOfTheTopology: the same routes, and the same scopes, in both.
func TestRoutesAreThoseOfTheTopology(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	listed := map[string][]string{}
	for _, r := range top.Edge {
		listed[r.Route] = r.Scopes
	}
	described := map[string][]string{}
	for _, o := range load(t).Sorted {
		slices.Sort(o.Scopes)
		described[o.Route] = o.Scopes
	}
	for route, scopes := range listed {
		slices.Sort(scopes)
		require.Contains(t, described, route, "topology.yaml lists it, openapi.yaml doesn't")
		require.Equal(t, scopes, described[route], route)
	}
	for route := range described {
		require.Contains(t, listed, route, "openapi.yaml describes it, topology.yaml doesn't list it")
	}
}

// TestEveryCredentialNeedsTheSameScopes: an API key isn't a way round.
func TestEveryCredentialNeedsTheSameScopes(t *testing.T) {
	for _, o := range load(t).Sorted {
		for _, alternative := range *o.Doc.Security {
			for scheme, scopes := range alternative {
				require.Equal(t, o.Scopes, scopes, "%s by %s", o.Route, scheme)
			}
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	const good = `openapi: 3.1.0
info: { title: x, version: "1" }
paths:
  /v1/things/{id}:
    get:
      operationId: get
      security: []
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      responses: { "204": { description: done } }
`
	_, err := contract.Load([]byte(good))
	require.NoError(t, err)
	for name, change := range map[string][2]string{
		"no YAML":                   {"openapi:", "\topenapi:"},
		"another version":           {"3.1.0", "3.0.3"},
		"no responses":              {`responses: { "204": { description: done } }`, ""},
		"unknown type":              {"type: string", "type: text"},
		"bad pattern":               {"type: string", `type: string, maxLength: 5, pattern: "("`},
		"pattern without bound":     {"type: string", `type: string, pattern: "a"`},
		"pattern with a far bound":  {"type: string", `type: string, maxLength: 2000, pattern: "a"`},
		"reference to nothing":      {"type: string", `$ref: "#/components/schemas/X"`},
		"reference to elsewhere":    {"type: string", `$ref: "https://example.com/x.json"`},
		"example that doesn't fit":  {"type: string }", "type: string }, example: 7"},
		"cookie":                    {"in: path", "in: cookie"},
		"no security":               {"      security: []\n", ""},
		"deprecated without a date": {"security: []", "security: []\n      deprecated: true"},
		"a date without deprecated": {"security: []", `security: []` + "\n" + `      x-lifecycle: { deprecated: "2026-01-01", documentation: /docs }`},
		"sunset before deprecation": {"security: []", "security: []\n      deprecated: true\n" + `      x-lifecycle: { deprecated: "2026-01-01", sunset: "2025-01-01", documentation: /docs }`},
		"no documentation":          {"security: []", "security: []\n      deprecated: true\n" + `      x-lifecycle: { deprecated: "2026-01-01" }`},
		"retired without a date":    {"paths:", "x-retired: [{ path: /v0/*, reason: x }]\npaths:"},
		"retired, unknown field":    {"paths:", `x-retired: [{ path: /v0/*, retired: "2026-01-01", reason: x, when: y }]` + "\npaths:"},
		"body of another type":      {"      security: []\n", "      security: []\n      requestBody: { content: { text/plain: { schema: { type: string } } } }\n"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, good, change[0])
			_, err := contract.Load([]byte(strings.Replace(good, change[0], change[1], 1)))
			require.Error(t, err)
		})
	}
}
