// Package langid tells the language of a text, in the manner of fastText: the embeddings of hashed character n-grams
// are averaged and put through a linear layer and a softmax. Weights are bytes, so a model is about a megabyte.
package langid

import (
	"math"
	"sort"
	"sync"
)

const (
	// Dim is the length of an embedding.
	Dim = 16
	// Undetermined is the answer for a text without letters (ISO 639-2).
	Undetermined = "und"
)

// Prediction is a language as its ISO 639-1 code and its probability.
type Prediction struct {
	Language string
	Score    float64
}

// Model is immutable and safe for concurrent use.
type Model struct {
	languages  []string
	bucketBits uint
	scale      float32
	rows       []row
	output     [][Dim]float32
	bias       []float32
}

// Languages are the codes that the model can answer with, sorted.
func (m *Model) Languages() []string { return append([]string(nil), m.languages...) }

// Classify answers with the most probable language, or Undetermined with score 0.
func (m *Model) Classify(text string) Prediction {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	if !m.probabilities(s, text) {
		return Prediction{Language: Undetermined}
	}
	best := 0
	for i, p := range s.probabilities {
		if p > s.probabilities[best] {
			best = i
		}
	}
	return Prediction{Language: m.languages[best], Score: float64(s.probabilities[best])}
}

// Top answers with the k most probable languages, best first; none for a text without letters.
func (m *Model) Top(text string, k int) []Prediction {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	if !m.probabilities(s, text) {
		return nil
	}
	all := make([]Prediction, len(m.languages))
	for i, p := range s.probabilities {
		all[i] = Prediction{Language: m.languages[i], Score: float64(p)}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Score > all[j].Score })
	return all[:min(k, len(all))]
}

// scratch is what one classification needs beside the model.
type scratch struct {
	grams         []uint32
	probabilities []float32
}

var scratches = sync.Pool{New: func() any {
	return &scratch{grams: make([]uint32, 0, maxWord*(maxGram+1)+maxGram)}
}}

func (m *Model) probabilities(s *scratch, text string) bool {
	var sum accumulator
	words := newScanner(text)
	for words.next() {
		s.grams = words.grams(s.grams[:0], 32-m.bucketBits)
		for _, g := range s.grams {
			sum.add(&m.rows[g])
		}
	}
	hidden, ok := sum.mean(m.scale)
	if !ok {
		return false
	}
	s.probabilities = s.probabilities[:0]
	for i := range m.output {
		logit := m.bias[i]
		for d, w := range m.output[i] {
			logit += w * hidden[d]
		}
		s.probabilities = append(s.probabilities, logit)
	}
	softmax(s.probabilities)
	return true
}

func softmax(logits []float32) {
	highest := float32(math.Inf(-1))
	for _, l := range logits {
		highest = max(highest, l)
	}
	var total float32
	for i, l := range logits {
		logits[i] = float32(math.Exp(float64(l - highest)))
		total += logits[i]
	}
	for i := range logits {
		logits[i] /= total
	}
}
