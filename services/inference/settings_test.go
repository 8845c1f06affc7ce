package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/inference/internal/inference"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/workload"
)

func good() settings {
	return settings{
		Workload:    config.Workload{Name: "inference", RunDir: "/run/x", CAFile: "/run/ca.pem", Mode: "sidecar"},
		Concurrency: 1,
	}
}

func TestSettingsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*settings){
		"no concurrency":      func(s *settings) { s.Concurrency = 0 },
		"a negative queue":    func(s *settings) { s.Queue = -1 },
		"a key for nobody":    func(s *settings) { s.UpstreamKeyFile = "/run/key" },
		"a model of nobody's": func(s *settings) { s.UpstreamModel = "qwen3:8b" },
		"no name":             func(s *settings) { s.Name = "" },
	} {
		s := good()
		spoil(&s)
		require.Error(t, s.Validate(), name)
	}
	require.NoError(t, good().Validate())
}

func surroundings() *workload.Workload {
	return &workload.Workload{Log: slog.New(slog.DiscardHandler), Metrics: telemetry.NewMetrics("inference")}
}

func TestCatalogRefused(t *testing.T) {
	readable := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(readable, []byte("sk-secret"), 0o644))
	for name, s := range map[string]settings{
		"plain HTTP to elsewhere": {Upstream: "http://models.example"},
		"a key that others read":  {Upstream: "https://models.example", UpstreamKeyFile: readable},
	} {
		_, err := catalog(s, nil, surroundings())
		var wrong *config.Error
		require.ErrorAs(t, err, &wrong, name)
	}
}

func TestCatalog(t *testing.T) {
	local, err := catalog(good(), &inference.Identifier{}, surroundings())
	require.NoError(t, err)
	s := good()
	s.Upstream, s.UpstreamModel = "http://127.0.0.1:11434", "qwen3:8b"
	both, err := catalog(s, &inference.Identifier{}, surroundings())
	require.NoError(t, err)
	for name, want := range map[string]struct{ local, both bool }{
		"langid": {true, true}, "llm": {false, true}, "meta-llama/Llama-3.1-8B": {false, true},
		"": {}, "../v1/files": {}, "a b": {}, "a\nb": {},
	} {
		_, _, ok := local(name)
		require.Equal(t, want.local, ok, "%q without an upstream", name)
		_, _, ok = both(name)
		require.Equal(t, want.both, ok, "%q with one", name)
	}
}
