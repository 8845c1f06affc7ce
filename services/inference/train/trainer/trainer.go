// Package trainer fits the weights of a language identifier to sentences, and measures them.
package trainer

import (
	"math"
	"math/rand/v2"
	"sort"

	"redoubt.example/services/inference/internal/langid"
	"redoubt.example/services/inference/train/corpus"
)

// Config is all that a result depends on: the same corpus and Config give the same weights on the same
// architecture (elsewhere a compiler may fuse multiplications with additions, which rounds differently).
type Config struct {
	Seed         uint64
	BucketBits   uint
	Epochs       int
	LearningRate float32 // falls to zero in a straight line
	// DropGrams is the share of n-grams that a step leaves out, so that no single one is relied on.
	DropGrams float64
}

// Default is what the published model is made with.
var Default = Config{Seed: 1, BucketBits: 16, Epochs: 60, LearningRate: 0.15, DropGrams: 0.7}

// Train fits by stochastic gradient descent on the cross-entropy. progress is told each epoch's mean loss.
func Train(cfg Config, sentences []corpus.Sentence, progress func(epoch int, loss float64)) *langid.Weights {
	n := newNetwork(cfg, corpus.Languages(sentences))
	random := rand.New(rand.NewPCG(cfg.Seed, 1))
	total := cfg.Epochs * len(sentences) * samplesPerSentence
	step := 0
	var grams []uint32
	for epoch := range cfg.Epochs {
		var loss float64
		for _, i := range random.Perm(len(sentences)) {
			for _, text := range augment(random, sentences, i) {
				grams = langid.Grams(grams[:0], text, cfg.BucketBits)
				grams = drop(random, grams, cfg.DropGrams)
				rate := cfg.LearningRate * float32(1-float64(step)/float64(total))
				loss += n.step(grams, n.label[sentences[i].Language], rate)
				step++
			}
		}
		progress(epoch, loss/float64(len(sentences)*samplesPerSentence))
	}
	return n.quantise(cfg.BucketBits)
}

func drop(random *rand.Rand, grams []uint32, share float64) []uint32 {
	kept := grams[:0]
	for _, g := range grams {
		if random.Float64() >= share {
			kept = append(kept, g)
		}
	}
	return kept
}

// network is the model in floating point.
type network struct {
	languages  []string
	label      map[string]int
	embeddings [][langid.Dim]float32
	output     [][langid.Dim]float32
	bias       []float32
	logits     []float32
}

func newNetwork(cfg Config, languages []string) *network {
	n := &network{
		languages:  languages,
		label:      map[string]int{},
		embeddings: make([][langid.Dim]float32, 1<<cfg.BucketBits),
		output:     make([][langid.Dim]float32, len(languages)),
		bias:       make([]float32, len(languages)),
		logits:     make([]float32, len(languages)),
	}
	for i, l := range languages {
		n.label[l] = i
	}
	random := rand.New(rand.NewPCG(cfg.Seed, 0))
	// Embeddings start at zero, so that n-grams never trained on say nothing.
	for i := range n.output {
		for d := range n.output[i] {
			n.output[i][d] = random.Float32()*2 - 1
		}
	}
	return n
}

// step learns one example and returns its loss before that.
func (n *network) step(grams []uint32, label int, rate float32) float64 {
	if len(grams) == 0 {
		return 0
	}
	var hidden, gradient [langid.Dim]float32
	for _, g := range grams {
		for d, w := range n.embeddings[g] {
			hidden[d] += w
		}
	}
	share := 1 / float32(len(grams))
	for d := range hidden {
		hidden[d] *= share
	}
	n.forward(&hidden)
	loss := -math.Log(math.Max(float64(n.logits[label]), 1e-9))
	for i, p := range n.logits {
		if i == label {
			p--
		}
		delta := -rate * p
		for d := range hidden {
			gradient[d] += delta * n.output[i][d]
			n.output[i][d] += delta * hidden[d]
		}
		n.bias[i] += delta * 0.1
	}
	// Each n-gram takes the whole gradient, so the mean moves by just that: scaled by its share, learning would crawl.
	for _, g := range grams {
		row := &n.embeddings[g]
		for d := range row {
			row[d] += gradient[d]
		}
	}
	return loss
}

// forward leaves the probabilities in n.logits.
func (n *network) forward(hidden *[langid.Dim]float32) {
	highest := float32(math.Inf(-1))
	for i := range n.output {
		sum := n.bias[i]
		for d, w := range n.output[i] {
			sum += w * hidden[d]
		}
		n.logits[i] = sum
		highest = max(highest, sum)
	}
	var total float32
	for i, l := range n.logits {
		n.logits[i] = float32(math.Exp(float64(l - highest)))
		total += n.logits[i]
	}
	for i := range n.logits {
		n.logits[i] /= total
	}
}

// quantise scales the embeddings to bytes. The few largest weights are cut off, so that the others, which are many,
// keep their precision.
func (n *network) quantise(bits uint) *langid.Weights {
	sizes := make([]float64, 0, len(n.embeddings)*langid.Dim)
	for i := range n.embeddings {
		for _, w := range n.embeddings[i] {
			sizes = append(sizes, math.Abs(float64(w)))
		}
	}
	sort.Float64s(sizes)
	scale := float32(sizes[len(sizes)-len(sizes)/2000-1] / 127)
	out := &langid.Weights{Languages: n.languages, BucketBits: bits, Scale: scale, Output: n.output, Bias: n.bias}
	for i := range n.embeddings {
		for _, w := range n.embeddings[i] {
			q := math.Round(float64(w / scale))
			out.Embeddings = append(out.Embeddings, int8(math.Max(-127, math.Min(127, q))))
		}
	}
	return out
}
