package webhook_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/notification/internal/message"
	"redoubt.example/services/notification/internal/webhook"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
	"redoubt.example/services/platform/fault"
)

func TestTargetsUnchecked(t *testing.T) {
	controlstest.Off(t, func() {
		targets, err := webhook.NewTargets(nil)
		require.NoError(t, err)
		require.NoError(t, targets.CheckURL("http://127.0.0.1:8500/v1/kv/"))
		require.NoError(t, targets.CheckAddress(netip.MustParseAddrPort("169.254.169.254:80")))
	}, controls.AppWebhookSSRF)
}

// inbox plays the store: it keeps what was received, by source and ID.
type inbox struct{ received map[string]int }

func (i inbox) Receive(_ context.Context, source, id string, _ message.Message) error {
	if i.received[source+" "+id]++; i.received[source+" "+id] > 1 {
		return fault.New(fault.Conflict, "the ID was used before")
	}
	return nil
}
func (inbox) AddSource(context.Context, webhook.Source) error         { return nil }
func (inbox) Sources(context.Context) ([]webhook.Source, error)       { return nil, nil }
func (inbox) Encrypt(context.Context, []byte, []byte) (string, error) { return "sealed", nil }
func (inbox) Decrypt(context.Context, string, []byte) ([]byte, error) { return nil, nil }

func TestReceiver(t *testing.T) {
	body := []byte(`{"type": "paid", "data": {}}`)
	receiver := func(t *testing.T) (webhook.Receiver, webhook.Secret, inbox) {
		store := inbox{map[string]int{}}
		sources := webhook.NewSources(store, store)
		_, secret, err := sources.Create(t.Context(), "carol", "shop")
		require.NoError(t, err)
		return webhook.Receiver{Sources: sources, Store: store, Now: time.Now}, secret, store
	}
	forged := webhook.Headers{ID: "msg_1", Timestamp: "1", Signature: "v1,AAAA"}

	t.Run("on", func(t *testing.T) {
		r, secret, store := receiver(t)
		require.Equal(t, fault.Unauthenticated, fault.KindOf(r.Receive(t.Context(), "shop", forged, body)))
		good := secret.Sign("msg_1", time.Now(), body)
		require.NoError(t, r.Receive(t.Context(), "shop", good, body))
		require.Equal(t, fault.Conflict, fault.KindOf(r.Receive(t.Context(), "shop", good, body)))
		require.Len(t, store.received, 1)
	})
	t.Run("signature", func(t *testing.T) {
		controlstest.Off(t, func() {
			r, _, _ := receiver(t)
			require.NoError(t, r.Receive(t.Context(), "shop", forged, body))
			require.Equal(t, fault.Conflict, fault.KindOf(r.Receive(t.Context(), "shop", forged, body)))
			require.Equal(t, fault.Unauthenticated, fault.KindOf(r.Receive(t.Context(), "nobody", forged, body)))
		}, controls.AppWebhookSignature)
	})
	t.Run("replay", func(t *testing.T) {
		controlstest.Off(t, func() {
			r, secret, store := receiver(t)
			good := secret.Sign("msg_1", time.Now(), body)
			for range 2 {
				require.NoError(t, r.Receive(t.Context(), "shop", good, body))
			}
			require.Len(t, store.received, 2)
			require.Equal(t, fault.Unauthenticated, fault.KindOf(r.Receive(t.Context(), "shop", forged, body)))
		}, controls.AppWebhookReplay)
	})
}
