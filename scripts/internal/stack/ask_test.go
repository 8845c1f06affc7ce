package stack_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/stack"
)

func TestParseReplicas(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	for text, says := range map[string]string{
		"ingestion":     "how many",
		"ingestion=":    "1 to 16",
		"ingestion=0":   "1 to 16",
		"ingestion=-1":  "1 to 16",
		"ingestion=two": "1 to 16",
		"ingestion=99":  "1 to 16",
		"billing=2":     "no service",
		"=2":            "no service",
		"gateway=2":     "gateway can't",
		"modelstore=2":  "modelstore can't",
	} {
		_, err := stack.ParseReplicas(top, []string{text})
		require.ErrorContains(t, err, says, text)
	}
	_, err = stack.ParseReplicas(top, []string{"ingestion=2", "ingestion=3"})
	require.ErrorContains(t, err, "twice")

	got, err := stack.ParseReplicas(top, []string{"ingestion=3", "inference=2"})
	require.NoError(t, err)
	require.Equal(t, map[string]int{"ingestion": 3, "inference": 2}, got)
}

func TestCheckMode(t *testing.T) {
	unsafe := func(value string) func(string) string {
		return func(key string) string { require.Equal(t, stack.UnsafeLab, key); return value }
	}
	t.Setenv("PATH", t.TempDir())
	require.ErrorContains(t, stack.CheckMode("telepathy", unsafe("1")), "telepathy")
	require.ErrorContains(t, stack.CheckMode("plaintext", unsafe("")), "REDOUBT_UNSAFE_LAB=1")
	require.ErrorContains(t, stack.CheckMode("plaintext", unsafe("yes")), "REDOUBT_UNSAFE_LAB=1")
	err := stack.CheckMode("envoy", unsafe("1"))
	require.ErrorIs(t, err, stack.ErrNoMode)
	require.ErrorContains(t, err, "no envoy on PATH")
	there, err := os.MkdirTemp("", "envoy") // unlike t.TempDir, below a folder that every user can enter
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(there) })
	program := filepath.Join(there, "envoy")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755))
	t.Setenv("PATH", there)
	if os.Geteuid() == 0 { // then workloads have users of their own
		err = stack.CheckMode("envoy", unsafe(""))
		require.ErrorIs(t, err, stack.ErrNoMode)
		require.ErrorContains(t, err, "other users")
	}
	require.NoError(t, os.Chmod(there, 0o755))
	require.NoError(t, stack.CheckMode("envoy", unsafe("")))

	require.NoError(t, stack.CheckMode("plaintext", unsafe("1")))
	require.NoError(t, stack.CheckMode("sidecar", unsafe("")))
	require.NoError(t, stack.CheckMode("native", unsafe("")))
}
