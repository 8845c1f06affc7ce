package main_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/inference/internal/langid"
	"redoubt.example/services/inference/train/corpus"
	"redoubt.example/services/inference/train/trainer"
)

// The floors are a little under what the published weights reach.
const (
	wholeFloor    = 0.965
	shortFloor    = 0.90
	languageFloor = 0.75
)

const published = "../../modelstore/models/langid/1/model.bin"

// TestPublishedWeights measures what is shipped on sentences that no training saw.
func TestPublishedWeights(t *testing.T) {
	file, err := os.ReadFile(published)
	require.NoError(t, err)
	model, err := langid.Load(file)
	require.NoError(t, err)
	_, heldOut, err := corpus.Load()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(model.Languages()), 22)

	whole := trainer.Measure(model, heldOut)
	whole.Write(os.Stdout, "held-out sentences")
	short := trainer.Measure(model, corpus.Fragments(heldOut, trainer.ShortLimit))
	short.Write(os.Stdout, "held-out fragments of at most 30 characters")

	require.GreaterOrEqual(t, whole.Overall.Accuracy(), wholeFloor)
	require.GreaterOrEqual(t, short.Overall.Accuracy(), shortFloor)
	for language, tally := range whole.ByLanguage {
		require.GreaterOrEqual(t, tally.Accuracy(), languageFloor, language)
	}
}

// A measurement on what was trained on would be worth nothing.
func TestHeldOutIsUnseen(t *testing.T) {
	training, heldOut, err := corpus.Load()
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, s := range training {
		seen[s.Text] = true
	}
	for _, s := range heldOut {
		require.False(t, seen[s.Text], s.Text)
	}
	require.Equal(t, corpus.Languages(training), corpus.Languages(heldOut))
}

func TestTrainingRepeats(t *testing.T) {
	training, _, err := corpus.Load()
	require.NoError(t, err)
	cfg := trainer.Default
	cfg.Epochs = 1
	silent := func(int, float64) {}
	first, err := trainer.Train(cfg, training, silent).Encode()
	require.NoError(t, err)
	second, err := trainer.Train(cfg, training, silent).Encode()
	require.NoError(t, err)
	require.Equal(t, first, second)
}
