package exercise

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// Mistake is what an honest user does wrong, and is refused: no alert may come of it.
type Mistake struct {
	User, Address      string // who, and from where; an address of his own
	Method, Path, Body string
	Status             int // of the answer
}

// Mistakes are those of several users within a moment. One by one they are nothing, and a rule that counts them all as one
// attacker's, or takes each for an attack, is seen through.
func Mistakes() []Mistake {
	return []Mistake{
		{"bob", "127.0.7.1", http.MethodGet, "/v1/documents/01900000-0000-7000-8000-000000000000", "", http.StatusNotFound}, // it is gone
		{"bob", "127.0.7.1", http.MethodPost, "/v1/documents", `{"title":"No text"}`, http.StatusBadRequest},
		{"bob", "127.0.7.1", http.MethodGet, "/v1/document", "", http.StatusNotFound}, // a slip
		{"dave", "127.0.7.2", http.MethodGet, "/v1/inbox", "", http.StatusForbidden},  // a button that isn't his
		{"erin", "127.0.7.3", http.MethodGet, "/v1/webhook-endpoints", "", http.StatusForbidden},
		{"carol", "127.0.7.4", http.MethodGet, "/v1/documents", "", http.StatusForbidden},
		{"dave", "127.0.7.2", http.MethodPost, "/v1/inferences", `{"model":"langid","input":"` + strings.Repeat("Good morning. ", 700) + `"}`, http.StatusPaymentRequired}, // credits that he hasn't
	}
}

// Err makes a mistake, which has to be refused as it should be.
func (h Honest) Err(ctx context.Context, m Mistake) error {
	status, _, err := h.ask(ctx, m.Method, m.Path, m.Body)
	if err == nil && status != m.Status {
		err = fmt.Errorf("the answer is %d, not %d", status, m.Status)
	}
	if err != nil {
		return fmt.Errorf("%s's mistake, %s %s: %w", m.User, m.Method, m.Path, err)
	}
	return nil
}
