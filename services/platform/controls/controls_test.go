package controls_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
)

func TestUnknownControlPanicsInTests(t *testing.T) {
	require.Panics(t, func() { controls.Record(t.Context(), "edge.magic", controls.Deny, "because") })
	_, ok := controls.Lookup("edge.magic")
	require.False(t, ok)
}

func TestRegisterIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range controls.All() {
		require.False(t, seen[c.ID], "%s is there twice", c.ID)
		seen[c.ID] = true
		require.NotEmpty(t, c.Owner, c.ID)
		require.NotEmpty(t, c.Stops, c.ID)
		require.NotEmpty(t, c.Standard, c.ID)
		require.True(t, strings.HasPrefix(c.ID, string(c.Layer)+"."), "%s isn't named after its layer %s", c.ID, c.Layer)
		found, ok := controls.Lookup(c.ID)
		require.True(t, ok)
		require.Equal(t, c, found)
	}
	require.NotEmpty(t, seen)
}

// TestEveryIDIsRegistered reads the constants from the source: one that has no entry would fail at its first record.
func TestEveryIDIsRegistered(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "controls.go", nil, 0)
	require.NoError(t, err)
	ids := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if id := ""; ok && json.Unmarshal([]byte(literal.Value), &id) == nil && strings.Contains(id, ".") {
			ids++
			_, known := controls.Lookup(id)
			require.True(t, known, id)
		}
		return true
	})
	require.Len(t, controls.All(), ids)
}

func TestRecord(t *testing.T) {
	var log bytes.Buffer
	ctx := telemetry.WithRequestID(telemetry.WithLogger(t.Context(), telemetry.NewLogger(&log, "gateway", "info")), "req-1")
	controls.Record(ctx, controls.EdgeScope, controls.Deny, "no such scope", "route", "GET /v1/documents")
	var record map[string]any
	require.NoError(t, json.Unmarshal(log.Bytes(), &record))
	delete(record, "time")
	require.Equal(t, map[string]any{
		"level": "WARN", "msg": "decision", "service": "gateway", "request_id": "req-1",
		"control": "edge.scope", "layer": "edge", "decision": "deny", "reason": "no such scope", "route": "GET /v1/documents",
	}, record)
}
