package documents

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Store keeps documents. Its errors are faults: Unavailable when it can't be reached.
type Store interface {
	// Put stores a pending document and returns it, or the one that its owner stored under the same key before.
	Put(ctx context.Context, d Document) (Document, error)
	// ByKey is NotFound when the owner stored nothing under that key.
	ByKey(ctx context.Context, owner, key string) (Document, error)
	// Get returns a charged document of anybody's; NotFound when there is none.
	Get(ctx context.Context, id uuid.UUID) (Document, error)
	// List returns charged documents older than before (zero: from the newest), newest first, without text and metadata.
	List(ctx context.Context, owner string, before Position, limit int) ([]Document, error)
	// Confirm makes a pending document charged; for one that is already, nothing changes.
	Confirm(ctx context.Context, id uuid.UUID) error
	// Withdraw forgets a pending document.
	Withdraw(ctx context.Context, id uuid.UUID) error
	// ClaimPending returns documents that have been pending since before now, at most limit, and hides them from
	// other callers until the given time.
	ClaimPending(ctx context.Context, now, until time.Time, limit int) ([]Document, error)
}

// Position is a place in an owner's list of documents.
type Position struct {
	CreatedAt time.Time `json:"at"`
	ID        uuid.UUID `json:"id"`
}

// Payments charges for documents. Capture, Void and Settle may be repeated. Conflict and NotFound mean that the
// authorization can't become what was asked any more; other errors leave open whether it did.
type Payments interface {
	// Authorize sets credits of the context's principal aside, once per key.
	Authorize(ctx context.Context, key string, amount int64, reference string) (uuid.UUID, error)
	Capture(ctx context.Context, authorization uuid.UUID) error
	Void(ctx context.Context, authorization uuid.UUID) error
	// Settle is Capture where the principal's request is over.
	Settle(ctx context.Context, authorization uuid.UUID) error
}

// Classifier names the language of a text: ISO 639-1, or "und".
type Classifier interface {
	Classify(ctx context.Context, text string) (language string, err error)
}

// Notifier tells the context's principal about a document.
type Notifier interface {
	Notify(ctx context.Context, d Document) error
}
