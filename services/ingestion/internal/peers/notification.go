package peers

import (
	"context"
	"net/http"

	"redoubt.example/services/ingestion/internal/documents"
	"redoubt.example/services/platform/upstream"
)

// Notification implements documents.Notifier. The message goes to the principal of the transaction token.
type Notification struct{ Client *upstream.Client }

var _ documents.Notifier = Notification{}

// Notify implements documents.Notifier. It isn't repeated: a second message would be worse than none.
func (n Notification) Notify(ctx context.Context, d documents.Document) error {
	type data struct {
		DocumentID string `json:"document_id"`
		Language   string `json:"language"`
		Charge     int64  `json:"charge"`
	}
	in := struct {
		Kind    string `json:"kind"`
		Subject string `json:"subject"`
		Data    data   `json:"data"`
	}{"document.created", d.Title, data{d.ID.String(), d.Language, d.Charge}}
	return n.Client.Call(ctx, http.MethodPost, "/v1/notifications", nil, in, nil)
}
