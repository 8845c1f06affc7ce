package ledger

import (
	"context"
	"regexp"
	"strings"

	"redoubt.example/services/platform/fault"
)

// References keeps each principal's payment reference: the account at a bank that their payments come from. It is sealed
// before it is stored, and this service can't open it again; people recognise it by its hint.
type References struct {
	Store  ReferenceStore
	Sealer Sealer
}

// ReferenceStore keeps sealed references with their hints. Its errors are faults.
type ReferenceStore interface {
	SetReference(ctx context.Context, principal, sealed, hint string) error
	// ReferenceHint returns "" for a principal who has none.
	ReferenceHint(ctx context.Context, principal string) (string, error)
}

// Sealer encrypts for storage, bound to the associated data.
type Sealer interface {
	Encrypt(ctx context.Context, plain, associated []byte) (string, error)
}

// referenceForm is that of an IBAN (ISO 13616) and of its like, without spaces.
var referenceForm = regexp.MustCompile(`^[A-Z0-9]{8,34}$`)

// hintLength is how much of a reference may be shown.
const hintLength = 4

// Set stores a principal's payment reference in place of the one before, and returns its hint.
func (r References) Set(ctx context.Context, principal, text string) (hint string, err error) {
	text = strings.ToUpper(strings.ReplaceAll(text, " ", ""))
	if !referenceForm.MatchString(text) {
		return "", fault.New(fault.Unprocessable, "a payment reference is 8 to 34 letters and digits, such as an IBAN")
	}
	sealed, err := r.Sealer.Encrypt(ctx, []byte(text), []byte("payment reference of "+principal))
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "payment references can't be stored at the moment")
	}
	hint = text[len(text)-hintLength:]
	return hint, r.Store.SetReference(ctx, principal, sealed, hint)
}

// Hint returns the last characters of a principal's reference, or "".
func (r References) Hint(ctx context.Context, principal string) (string, error) {
	return r.Store.ReferenceHint(ctx, principal)
}
