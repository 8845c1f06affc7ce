package peers

import (
	"context"

	"redoubt.example/services/ingestion/internal/documents"
	"redoubt.example/services/platform/api/inferencev1"
)

// Inference implements documents.Classifier.
type Inference struct {
	Client inferencev1.InferenceServiceClient
}

var _ documents.Classifier = Inference{}

// Classify implements documents.Classifier.
func (i Inference) Classify(ctx context.Context, text string) (string, error) {
	answer, err := i.Client.Classify(ctx, &inferencev1.ClassifyRequest{Text: text})
	if err != nil {
		return "", err
	}
	return answer.GetLanguage(), nil
}
