package inference

import (
	"context"
	"math"
	"sync/atomic"

	"redoubt.example/services/inference/internal/langid"
	"redoubt.example/services/platform/fault"
)

// topLabels is how many languages a result names.
const topLabels = 3

// Identifier is the language identifier as a Model. It is Unavailable until Use.
type Identifier struct{ loaded atomic.Pointer[versioned] }

type versioned struct {
	model   *langid.Model
	version string
}

// Use answers with this model from now on.
func (i *Identifier) Use(model *langid.Model, version string) {
	i.loaded.Store(&versioned{model, version})
}

// Ready says why the model can't answer yet.
func (i *Identifier) Ready() error {
	if i.loaded.Load() == nil {
		return fault.New(fault.Unavailable, "the model isn't loaded yet")
	}
	return nil
}

// Infer implements Model. A text without letters is undetermined, with score 0.
func (i *Identifier) Infer(_ context.Context, input string) (Result, error) {
	v := i.loaded.Load()
	if v == nil {
		return Result{}, i.Ready()
	}
	return Result{Version: v.version, Labels: v.labels(input)}, nil
}

// Stream implements Model with a chunk for each sentence.
func (i *Identifier) Stream(ctx context.Context, input string, emit func(Chunk) error) (Summary, error) {
	v := i.loaded.Load()
	if v == nil {
		return Summary{}, i.Ready()
	}
	for _, s := range sentences(input) {
		if err := ctx.Err(); err != nil {
			return Summary{}, err
		}
		if err := emit(Chunk{Text: s.text, Offset: int64(s.offset), Labels: v.labels(s.text)}); err != nil {
			return Summary{}, err
		}
	}
	return Summary{Version: v.version}, nil
}

func (v *versioned) labels(text string) []Label {
	top := v.model.Top(text, topLabels)
	if len(top) == 0 {
		return []Label{{Label: langid.Undetermined}}
	}
	labels := make([]Label, len(top))
	for i, p := range top {
		labels[i] = Label{Label: p.Language, Score: math.Round(p.Score*1e4) / 1e4} // more digits would be noise
	}
	return labels
}
