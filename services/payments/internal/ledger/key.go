package ledger

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// Key makes an operation take effect once (draft-ietf-httpapi-idempotency-key-header). A refused operation has
// no effect and leaves its key unused. Keys of different principals, callers and operations never meet.
type Key struct {
	Principal, Caller, Operation string
	Value                        string
	Fingerprint                  [sha256.Size]byte // of the request: the same key with another request is refused
}

func newKey(by Actor, operation, value string, request any) (Key, error) {
	canonical, err := json.Marshal(request) // a struct's fields have a fixed order
	if err != nil {
		return Key{}, fmt.Errorf("fingerprint %s request: %w", operation, err)
	}
	return Key{Principal: by.Principal, Caller: by.Service, Operation: operation, Value: value,
		Fingerprint: sha256.Sum256(canonical)}, nil
}
