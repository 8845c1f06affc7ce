package inference

import (
	"context"

	"redoubt.example/services/platform/fault"
)

// Classifier is the model that Classify uses.
const Classifier = "langid"

// Answer is a result that was paid for.
type Answer struct {
	Result
	Charge int64 // credits
}

// Ending closes a stream that was paid for.
type Ending struct {
	Summary
	Charge int64 // credits
}

// Infer runs a model on input and charges the principal. Faults: Invalid, TooLarge, NotFound, InsufficientCredits,
// Unavailable when the queue is full, and whatever the model fails with; then nothing was charged.
func (s *Service) Infer(ctx context.Context, model, input string) (Answer, error) {
	m, gate, leave, err := s.admit(model, input)
	if err != nil {
		return Answer{}, err
	}
	defer leave()
	answer := Answer{Charge: Charge(input)}
	err = s.charged(ctx, model, answer.Charge, func() (earned bool, err error) {
		err = gate.Compute(ctx, func() (err error) { answer.Result, err = m.Infer(ctx, input); return err })
		return false, err
	})
	if err != nil {
		return Answer{}, err
	}
	return answer, nil
}

// Stream is Infer with the result in chunks. A stream that fails isn't charged; one whose caller leaves after its
// first chunk is, since otherwise leaving before the end would make every stream free.
func (s *Service) Stream(ctx context.Context, model, input string, send func(Chunk) error) (Ending, error) {
	m, gate, leave, err := s.admit(model, input)
	if err != nil {
		return Ending{}, err
	}
	defer leave()
	end := Ending{Charge: Charge(input)}
	err = s.charged(ctx, model, end.Charge, func() (earned bool, err error) {
		sent, left := false, false
		emit := func(c Chunk) error {
			err := send(c)
			sent, left = sent || err == nil, err != nil
			return err
		}
		err = gate.Compute(ctx, func() (err error) { end.Summary, err = m.Stream(ctx, input, emit); return err })
		return sent && (left || context.Cause(ctx) == context.Canceled), err
	})
	if err != nil {
		return Ending{}, err
	}
	return end, nil
}

// Classify tells the language of a text, without charging anybody.
func (s *Service) Classify(ctx context.Context, text string) (Result, error) {
	m, gate, leave, err := s.admit(Classifier, text)
	if err != nil {
		return Result{}, err
	}
	defer leave()
	var result Result
	err = gate.Compute(ctx, func() (err error) { result, err = m.Infer(ctx, text); return err })
	return result, err
}

func (s *Service) admit(model, input string) (Model, *Gate, func(), error) {
	switch {
	case input == "":
		return nil, nil, nil, fault.New(fault.Invalid, "the input is empty")
	case len(input) > MaxInput:
		return nil, nil, nil, fault.New(fault.TooLarge, "the input has %d bytes, at most %d are allowed", len(input), MaxInput)
	}
	m, gate, ok := s.cfg.Models(model)
	if !ok {
		return nil, nil, nil, fault.New(fault.NotFound, "no such model")
	}
	leave, err := gate.Enter()
	return m, gate, leave, err
}
