package documents

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

const (
	// voidTimeout bounds giving credits back; what isn't voided by then expires.
	voidTimeout = 3 * time.Second
	// captureTimeout bounds finding out whether a document is paid for; after that the reconciler does.
	captureTimeout = 5 * time.Second
	// settleAfter is when the reconciler takes a pending document over: no request lives that long.
	settleAfter = 30 * time.Second
)

// Config is what an Intake is made of.
type Config struct {
	Store      Store
	Payments   Payments
	Classifier Classifier
	Notifier   Notifier
	// Allow decides whether the request in ctx may read a document of the owner's; a Denied fault when not.
	Allow func(ctx context.Context, owner string) error
	// Notified is called with the outcome of each notification: "sent", "failed" or "dropped".
	Notified func(outcome string)
	Now      func() time.Time
}

// Intake takes documents in and hands them out. Safe for concurrent use, and by several processes on one store.
type Intake struct {
	cfg   Config
	slots chan struct{} // bounds notifications in flight
	sends sync.WaitGroup
}

// New returns an intake. Close it, so that the last notifications go out.
func New(cfg Config) *Intake {
	return &Intake{cfg: cfg, slots: make(chan struct{}, maxNotifications)}
}

// now has the store's resolution.
func (i *Intake) now() time.Time { return i.cfg.Now().UTC().Truncate(time.Microsecond) }

// Take takes a document in for its owner: authorize, classify, store, capture, notify. With a key (not ""), a
// repeated request gets the document of the first and nothing is charged again; the same key with another draft
// is Unprocessable. InsufficientCredits when the owner can't pay. With Unavailable or Timeout the outcome may
// be open: the reconciler then either completes the document or drops it, and the key finds out which.
func (i *Intake) Take(ctx context.Context, owner, key string, draft Draft) (Document, error) {
	if err := draft.Validate(); err != nil {
		return Document{}, err
	}
	print, err := draft.fingerprint()
	if err != nil {
		return Document{}, err
	}
	now := i.now()
	d := Document{Draft: draft, ID: uuid.Must(uuid.NewV7()), Owner: owner, Charge: draft.Charge(), State: Pending,
		Key: key, Fingerprint: print, CreatedAt: now, SettleAfter: now.Add(settleAfter)}
	if !controls.On(controls.AppIdempotency) {
		key, d.Key = "", "" // each time is the first
	}
	if key == "" {
		return i.take(ctx, d)
	}
	if earlier, err := i.cfg.Store.ByKey(ctx, owner, key); fault.KindOf(err) != fault.NotFound {
		return i.resume(ctx, earlier, err, d)
	}
	taken, err := i.take(ctx, d)
	if fault.KindOf(err) == fault.InsufficientCredits { // perhaps because the same request, sent twice, has just paid
		if earlier, found := i.cfg.Store.ByKey(ctx, owner, key); found == nil {
			return i.resume(ctx, earlier, nil, d)
		}
	}
	return taken, err
}

func (i *Intake) take(ctx context.Context, d Document) (_ Document, err error) {
	d.Authorization, err = i.cfg.Payments.Authorize(ctx, d.ID.String(), d.Charge, "document "+d.ID.String())
	if err != nil {
		return Document{}, err
	}
	if d.Language, err = i.cfg.Classifier.Classify(ctx, d.Text); err != nil {
		i.void(ctx, d)
		return Document{}, err
	}
	stored, err := i.cfg.Store.Put(ctx, d)
	if err != nil { // stored after all, perhaps: then the reconciler finds the charge voided and drops it
		i.void(ctx, d)
		return Document{}, err
	}
	if stored.ID != d.ID { // the same request was faster elsewhere
		i.void(ctx, d)
		return i.resume(ctx, stored, nil, d)
	}
	return i.charge(ctx, stored)
}

// resume answers a repeated request with the document of the first one, completing it if need be.
func (i *Intake) resume(ctx context.Context, earlier Document, err error, asked Document) (Document, error) {
	switch {
	case err != nil:
		return Document{}, err
	case earlier.Fingerprint != asked.Fingerprint:
		controls.Record(ctx, controls.AppIdempotency, controls.Deny, "the key was used for another document", "document", earlier.ID.String())
		return Document{}, fault.New(fault.Unprocessable, "this idempotency key was used for another document")
	case earlier.State == Charged:
		return earlier, nil
	}
	return i.charge(ctx, earlier)
}

// charge captures what was authorized and makes the document readable, even if the client has gone: it is stored,
// so it is either paid for or dropped.
func (i *Intake) charge(ctx context.Context, d Document) (Document, error) {
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), captureTimeout)
	defer cancel()
	err := retry(work, func() error { return i.cfg.Payments.Capture(work, d.Authorization) })
	if final(err) {
		i.withdraw(work, d)
		return Document{}, fault.Wrap(fault.Conflict, err, "the charge was cancelled before the document was complete; nothing was stored")
	}
	if err != nil {
		return Document{}, fault.Wrap(fault.Unavailable, err, "the document is stored, but its charge isn't confirmed yet")
	}
	if err := i.cfg.Store.Confirm(work, d.ID); err != nil { // paid for: the reconciler makes it readable in a moment
		telemetry.Log(ctx).WarnContext(ctx, "confirm document", "document", d.ID.String(), "error", err.Error())
	}
	d.State = Charged
	i.notify(ctx, d)
	return d, nil
}

// final tells whether the charge can't be made any more, however often one asks.
func final(err error) bool {
	return err != nil && (fault.KindOf(err) == fault.Conflict || fault.KindOf(err) == fault.NotFound)
}

// void gives back what was authorized, whether or not the client is still there.
func (i *Intake) void(ctx context.Context, d Document) {
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), voidTimeout)
	defer cancel()
	if err := retry(work, func() error { return i.cfg.Payments.Void(work, d.Authorization) }); err != nil {
		logLater(ctx, "void authorization: it will expire", d, err)
	}
}

func (i *Intake) withdraw(ctx context.Context, d Document) {
	if err := i.cfg.Store.Withdraw(ctx, d.ID); err != nil {
		logLater(ctx, "withdraw unpaid document: the reconciler will", d, err)
	}
}

func logLater(ctx context.Context, msg string, d Document, err error) {
	telemetry.Log(ctx).LogAttrs(ctx, slog.LevelWarn, msg, slog.String("document", d.ID.String()),
		slog.String("authorization", d.Authorization.String()), slog.String("error", err.Error()))
}
