package httpapi

import (
	"time"

	"github.com/google/uuid"
	"redoubt.example/services/ingestion/internal/documents"
	"redoubt.example/services/platform/fault"
)

// draftJSON has documents.Draft's fields, so that one converts to the other.
type draftJSON struct {
	Title    string            `json:"title"`
	Text     string            `json:"text"`
	Metadata map[string]string `json:"metadata"`
}

type summaryJSON struct {
	ID        uuid.UUID `json:"id"`
	Title     string    `json:"title"`
	Language  string    `json:"language"`
	Charge    int64     `json:"charge"`
	CreatedAt time.Time `json:"created_at"`
}

type wholeJSON struct {
	summaryJSON
	Text     string            `json:"text"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

type listJSON struct {
	Documents []summaryJSON `json:"documents"`
	Next      string        `json:"next,omitempty"`
}

type resultJSON struct {
	Document *summaryJSON   `json:"document,omitempty"`
	Problem  *fault.Problem `json:"problem,omitempty"`
}

func summaryOf(d documents.Document) summaryJSON {
	return summaryJSON{ID: d.ID, Title: d.Title, Language: d.Language, Charge: d.Charge, CreatedAt: d.CreatedAt}
}
