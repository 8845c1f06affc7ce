// Package inference runs models for principals, who pay for it: admit, authorize, compute, capture; a failure
// after authorize voids it.
package inference

import "context"

const (
	// MaxInput is the largest input, in bytes.
	MaxInput = 256 << 10
	// unit is what one credit pays for, in bytes of input.
	unit = 1 << 10
)

// Charge is what an input costs, in credits: one for each started KiB.
func Charge(input string) int64 { return int64(len(input)+unit-1) / unit }

// Label is a classifier's answer and its probability.
type Label struct {
	Label string
	Score float64
}

// Result is what a model made of an input.
type Result struct {
	Version string
	Labels  []Label // only classifiers; most probable first
	Text    string  // only generative models
}

// Chunk is one piece of a streamed result.
type Chunk struct {
	Text   string
	Labels []Label
	Offset int64 // bytes from the start of the input (classifiers) or of the output (generative models)
}

// Summary ends a stream.
type Summary struct {
	Version string
	Output  int64 // bytes
}

// Model is a backend. Its errors are faults: Unavailable until it is loaded. Both calls end when ctx does.
type Model interface {
	Infer(ctx context.Context, input string) (Result, error)
	// Stream calls emit for each chunk, in order. An error of emit ends the stream and is returned as it is.
	Stream(ctx context.Context, input string, emit func(Chunk) error) (Summary, error)
}

// Payments sets credits of the principal in ctx aside, and earns or returns them. Every call may be repeated.
type Payments interface {
	Authorize(ctx context.Context, key string, amount int64, reference string) (id string, err error)
	Capture(ctx context.Context, id string) error
	Void(ctx context.Context, id string) error
}

// Models finds a model by name; false when there is none.
type Models func(name string) (Model, *Gate, bool)

// Config is what a Service is made of.
type Config struct {
	Models   Models
	Payments Payments
}

// Service answers for the platform's models. Safe for concurrent use.
type Service struct{ cfg Config }

// New returns a service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }
