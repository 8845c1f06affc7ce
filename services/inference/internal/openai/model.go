package openai

import (
	"context"

	"redoubt.example/services/inference/internal/inference"
)

// Model is one of the server's models, as inference sees models. The server doesn't say which version it runs: the
// version is the name that the server was asked for.
type Model struct {
	Client *Client
	Name   string
}

var _ inference.Model = Model{}

// Infer implements inference.Model.
func (m Model) Infer(ctx context.Context, input string) (inference.Result, error) {
	if err := checkPrompt(ctx, input); err != nil {
		return inference.Result{}, err
	}
	text, err := m.Client.complete(ctx, m.Name, input)
	if err != nil {
		return inference.Result{}, err
	}
	return inference.Result{Version: m.Name, Text: text}, nil
}

// Stream implements inference.Model.
func (m Model) Stream(ctx context.Context, input string, emit func(inference.Chunk) error) (inference.Summary, error) {
	end := inference.Summary{Version: m.Name}
	if err := checkPrompt(ctx, input); err != nil {
		return end, err
	}
	err := m.Client.stream(ctx, m.Name, input, func(text string) error {
		err := emit(inference.Chunk{Text: text, Offset: end.Output})
		end.Output += int64(len(text))
		return err
	})
	return end, err
}
