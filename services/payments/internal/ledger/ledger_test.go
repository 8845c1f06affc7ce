package ledger_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/platform/fault"
)

// reading is a store that only tells a balance: what is refused here gets no further.
type reading struct{ ledger.Store }

func (reading) Balance(context.Context, string) (ledger.Balance, error) {
	return ledger.Balance{State: ledger.Active}, nil
}

func untouched(allow error) *ledger.Ledger {
	return ledger.New(ledger.Config{Store: reading{}, Now: time.Now, HoldFor: time.Minute,
		Allow: func(context.Context, ledger.Object) error { return allow }})
}

func TestRefusesBeforeTheStore(t *testing.T) {
	alice := ledger.Actor{Principal: "alice", Service: "ingestion"}
	long, line := strings.Repeat("ä", 201), "a\nb"
	for name, tc := range map[string]struct {
		allow error
		by    ledger.Actor
		hold  ledger.Hold
		want  fault.Kind
	}{
		"nothing":          {nil, alice, ledger.Hold{Amount: 0}, fault.Invalid},
		"negative":         {nil, alice, ledger.Hold{Amount: -5}, fault.Invalid},
		"too much":         {nil, alice, ledger.Hold{Amount: ledger.MaxAmount + 1}, fault.Invalid},
		"long reference":   {nil, alice, ledger.Hold{Amount: 1, Reference: long}, fault.Invalid},
		"two lines":        {nil, alice, ledger.Hold{Amount: 1, Reference: line}, fault.Invalid},
		"not UTF-8":        {nil, alice, ledger.Hold{Amount: 1, Reference: "\xff"}, fault.Invalid},
		"nobody":           {nil, ledger.Actor{Service: "ingestion"}, ledger.Hold{Amount: 1}, fault.Invalid},
		"an odd name":      {nil, ledger.Actor{Principal: "al ice", Service: "x"}, ledger.Hold{Amount: 1}, fault.Invalid},
		"denied by policy": {fault.New(fault.Denied, "no"), alice, ledger.Hold{Amount: 1}, fault.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := untouched(tc.allow).Authorize(t.Context(), tc.by, "key", tc.hold)
			require.Equal(t, tc.want, fault.KindOf(err), "%v", err)
			_, err = untouched(tc.allow).Credit(t.Context(), alice, "key",
				ledger.Credit{To: tc.by.Principal, Amount: tc.hold.Amount, Memo: tc.hold.Reference})
			require.Equal(t, tc.want, fault.KindOf(err), "%v", err)
		})
	}
}

func TestTransferAmountIsTheOwnersView(t *testing.T) {
	customer, held := ledger.Customer("alice"), ledger.Held("alice")
	for kind, tc := range map[ledger.Kind]struct {
		entries []ledger.Entry
		want    int64
	}{
		ledger.KindCredit:  {[]ledger.Entry{{Account: ledger.Issuance, Amount: -5}, {Account: customer, Amount: 5}}, 5},
		ledger.KindHold:    {[]ledger.Entry{{Account: customer, Amount: -5}, {Account: held, Amount: 5}}, 0},
		ledger.KindCapture: {[]ledger.Entry{{Account: held, Amount: -5}, {Account: ledger.Revenue, Amount: 5}}, -5},
		ledger.KindRelease: {[]ledger.Entry{{Account: held, Amount: -5}, {Account: customer, Amount: 5}}, 0},
		ledger.KindRefund:  {[]ledger.Entry{{Account: ledger.Revenue, Amount: -5}, {Account: customer, Amount: 5}}, 5},
	} {
		require.Equal(t, tc.want, ledger.Transfer{ID: uuid.New(), Kind: kind, Principal: "alice", Entries: tc.entries}.Amount(), kind)
	}
}
