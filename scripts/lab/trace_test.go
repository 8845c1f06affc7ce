package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/timing"
)

func TestAbsentHops(t *testing.T) {
	root := &timing.Hop{Name: "gateway", URI: "POST /v1/documents", Calls: []*timing.Hop{
		{Name: "ingestion", Calls: []*timing.Hop{{Name: "inference"}, {Name: "payments"}}}}}
	got, err := absent(root)
	require.NoError(t, err)
	require.Equal(t, []absentHop{{"notification", "ingestion", "POST /v1/notifications"}}, got)
	require.Contains(t, got[0].sentence(), "after the answer")

	ingestion := root.Calls[0]
	ingestion.Calls = append(ingestion.Calls, &timing.Hop{Name: "notification"})
	got, err = absent(root)
	require.NoError(t, err)
	require.Empty(t, got, "all are in it")

	got, err = absent(&timing.Hop{Name: "gateway", URI: "GET /nowhere"})
	require.NoError(t, err)
	require.Empty(t, got, "an unknown route has no path")
}
