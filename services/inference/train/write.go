package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"redoubt.example/services/inference/internal/langid"
	"redoubt.example/services/inference/train/trainer"
)

// description is model.json: created_at goes into the signed manifest, the rest is for people.
type description struct {
	CreatedAt           time.Time `json:"created_at"`
	Summary             string    `json:"summary"`
	Languages           []string  `json:"languages"`
	HeldOutAccuracy     float64   `json:"held_out_accuracy"`
	ShortAccuracy       float64   `json:"held_out_accuracy_30_characters"`
	HeldOutSentences    int       `json:"held_out_sentences"`
	HeldOutShortPhrases int       `json:"held_out_fragments_30_characters"`
}

func describe(m *langid.Model, whole, short trainer.Result) description {
	return description{
		Summary:             "language identifier: hashed character 1- to 4-grams, averaged embeddings, softmax",
		Languages:           m.Languages(),
		HeldOutAccuracy:     rounded(whole.Overall.Accuracy()),
		ShortAccuracy:       rounded(short.Overall.Accuracy()),
		HeldOutSentences:    whole.Overall.All,
		HeldOutShortPhrases: short.Overall.All,
	}
}

func rounded(share float64) float64 { return math.Round(share*1e4) / 1e4 }

// write leaves created_at alone where the weights are the same as before, so that training again changes nothing.
func write(dir string, file []byte, about description) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	about.CreatedAt = time.Now().UTC().Truncate(time.Second)
	bin, text := filepath.Join(dir, "model.bin"), filepath.Join(dir, "model.json")
	if old, err := os.ReadFile(bin); err == nil && bytes.Equal(old, file) {
		var before description
		if b, err := os.ReadFile(text); err == nil && json.Unmarshal(b, &before) == nil && !before.CreatedAt.IsZero() {
			about.CreatedAt = before.CreatedAt
		}
	}
	if err := os.WriteFile(bin, file, 0o644); err != nil {
		return fmt.Errorf("write weights: %w", err)
	}
	b, err := json.MarshalIndent(about, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(text, append(b, '\n'), 0o644)
}
