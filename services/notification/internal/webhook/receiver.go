package webhook

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"redoubt.example/services/notification/internal/message"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// MaxBody bounds an incoming webhook.
const MaxBody = 64 << 10

// ReceiptStore remembers what was received.
type ReceiptStore interface {
	// Receive stores a message and the ID under which the source sent it, in one transaction, or returns fault.Conflict
	// when the source has used that ID before.
	Receive(ctx context.Context, source, id string, m message.Message) error
}

// Receiver takes webhooks from sources.
type Receiver struct {
	Sources *Sources
	Store   ReceiptStore
	Now     func() time.Time
}

// decoy is verified against when the source is unknown, so that the answer takes as long.
var decoy = NewSecret()

// Receive verifies a webhook and puts it into the inbox of the source's owner. An unknown source and a bad signature
// give the same fault.Unauthenticated; a replay is fault.Conflict.
func (r Receiver) Receive(ctx context.Context, name string, h Headers, body []byte) error {
	source, known := r.Sources.lookup(name)
	secret := source.secret
	if !known {
		secret = decoy
	}
	err := controls.Enforce(ctx, controls.AppWebhookSignature, func() error { return secret.Verify(h, body, r.Now()) })
	if err != nil || !known {
		return refuseWebhook(ctx, name, known, err)
	}
	m, err := r.message(ctx, source.Source, body)
	if err != nil {
		return err
	}
	id := h.ID
	if !controls.On(controls.AppWebhookReplay) {
		id = rand.Text() // each time is the first
	}
	err = r.Store.Receive(ctx, name, id, m)
	if fault.KindOf(err) == fault.Conflict {
		controls.Record(ctx, controls.AppWebhookReplay, controls.Deny, "the ID was used before", "source", name)
	}
	return err
}

// refuseWebhook tells the log what it doesn't tell the sender. An unknown name isn't logged: it is the sender's text.
func refuseWebhook(ctx context.Context, name string, known bool, err error) error {
	if !known {
		controls.Record(ctx, controls.AppWebhookSignature, controls.Deny, "unknown source")
	} else {
		controls.Record(ctx, controls.AppWebhookSignature, controls.Deny, err.Error(), "source", name)
	}
	return fault.New(fault.Unauthenticated, "the webhook is not signed by a known source")
}

// message reads the specification's payload: a type, a timestamp, and data.
func (r Receiver) message(ctx context.Context, source Source, body []byte) (message.Message, error) {
	var payload struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &payload); err != nil || payload.Type == "" {
		return message.Message{}, fault.New(fault.Invalid, "the body must be a JSON object with type and data")
	}
	return message.New(ctx, message.Draft{
		Recipient: source.Owner, Kind: "webhook." + source.Name, Subject: payload.Type, Data: payload.Data,
	})
}
