// Package documents takes documents in: each is classified, charged for and kept for its owner. A document that
// nobody has paid for can't be read, and none is paid for twice.
package documents

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"redoubt.example/services/platform/fault"
)

// What a document may be.
const (
	MaxTitle    = 200       // runes
	MaxText     = 256 << 10 // bytes
	MaxMetadata = 20        // pairs
	maxName     = 64        // runes of a metadata key
	maxValue    = 512       // runes of a metadata value
)

// creditBytes is how much text one credit pays for; started ones count.
const creditBytes = 1 << 10

// State is where a document stands.
type State string

// The states of a document.
const (
	Pending State = "pending" // stored, but the charge isn't confirmed yet: nobody can read it
	Charged State = "charged"
)

// Draft is a document as somebody hands it in.
type Draft struct {
	Title    string
	Text     string
	Metadata map[string]string
}

// Document is one that was taken in.
type Document struct {
	Draft
	ID            uuid.UUID
	Owner         string
	Language      string // ISO 639-1, or "und" when the text doesn't tell
	Charge        int64  // credits
	State         State
	Authorization uuid.UUID // of the charge, with payments
	Key           string    // names the request that handed it in; "" when the client didn't
	Fingerprint   [sha256.Size]byte
	CreatedAt     time.Time
	SettleAfter   time.Time // while it is pending: when the reconciler takes it over
}

// Charge is what taking the draft in costs, in credits.
func (d Draft) Charge() int64 { return int64((len(d.Text) + creditBytes - 1) / creditBytes) }

// Validate returns an Invalid fault that says what is wrong.
func (d Draft) Validate() error {
	switch {
	case !textOf(d.Title, 1, MaxTitle) || strings.ContainsFunc(d.Title, isControl):
		return fault.New(fault.Invalid, "title must be 1 to %d characters on one line", MaxTitle)
	case d.Text == "" || len(d.Text) > MaxText || !storable(d.Text):
		return fault.New(fault.Invalid, "text must be 1 to %d bytes of UTF-8 without U+0000", MaxText)
	case len(d.Metadata) > MaxMetadata:
		return fault.New(fault.Invalid, "metadata must have at most %d entries", MaxMetadata)
	}
	for name, value := range d.Metadata {
		if !textOf(name, 1, maxName) || strings.ContainsFunc(name, isControl) || !textOf(value, 0, maxValue) {
			return fault.New(fault.Invalid, "metadata must have names of 1 to %d characters and values of at most %d", maxName, maxValue)
		}
	}
	return nil
}

// fingerprint tells requests with the same key apart.
func (d Draft) fingerprint() ([sha256.Size]byte, error) {
	canonical, err := json.Marshal(d) // a map's keys are sorted
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("fingerprint document: %w", err)
	}
	return sha256.Sum256(canonical), nil
}

func textOf(s string, shortest, longest int) bool {
	n := utf8.RuneCountInString(s)
	return n >= shortest && n <= longest && storable(s)
}

// storable: PostgreSQL keeps any UTF-8 but U+0000.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
