package policy

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
)

// pollEvery is how soon a published policy is in force. Polling one file's times costs nothing, works on every file
// system (a Kubernetes ConfigMap's too), and can't miss a change while it looks away.
const pollEvery = 250 * time.Millisecond

// Source is where a service's policy comes from.
type Source struct {
	Path string // the sealed bundle
	// Keys fetches the public keys that bundles are verified with, by version.
	Keys func(context.Context) (map[int]ed25519.PublicKey, error)
	Log  *slog.Logger
}

// Follower keeps a decider's policy what was last published and good.
type Follower struct {
	decider *Decider
	source  Source
	keys    map[int]ed25519.PublicKey
	seen    os.FileInfo
	refused string // why the last one was, so that it is said once
	digest  string // of the bundle that was read last
}

// Follow returns a decider for a service that takes its policy from a source, and what keeps it current. Until a
// good bundle was loaded, every decision denies: rules compiled into the program are no substitute for published ones.
func Follow(service string, source Source) (*Decider, *Follower) {
	d := &Decider{service: service}
	return d, &Follower{decider: d, source: source}
}

// Run loads what is published, and what will be, until ctx ends.
func (f *Follower) Run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		f.Refresh(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Refresh loads the published bundle if it is another than the last one looked at. One that is bad in any way is
// refused, on record, and the policy in force stays.
func (f *Follower) Refresh(ctx context.Context) {
	info, err := os.Stat(f.source.Path)
	if err == nil && f.seen != nil && os.SameFile(info, f.seen) && info.ModTime().Equal(f.seen.ModTime()) && info.Size() == f.seen.Size() {
		return
	}
	if err == nil {
		err = f.load(ctx)
	}
	if ctx.Err() != nil {
		return
	}
	var unavailable *unavailableError
	if err == nil || !errors.As(err, &unavailable) { // a bundle that couldn't be judged is looked at again
		f.seen = info
	}
	if err == nil {
		f.refused = ""
		f.source.Log.InfoContext(ctx, "policy loaded", "revision", f.decider.Revision())
		return
	}
	if now := err.Error() + f.digest; now != f.refused {
		f.refused = now
		controls.Record(telemetry.WithLogger(ctx, f.source.Log), controls.AppPolicyBundle, controls.Deny, err.Error(),
			"in_force", f.decider.Revision(), "digest", f.digest)
	}
}

type unavailableError struct{ error }

func (e *unavailableError) Unwrap() error { return e.error }

func (f *Follower) load(ctx context.Context) error {
	file, err := os.Open(f.source.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	sealed, err := io.ReadAll(io.LimitReader(file, maxSealed+1))
	if err != nil {
		return err
	}
	f.digest = fmt.Sprintf("sha256:%x", sha256.Sum256(sealed))
	b, err := OpenBundle(sealed, f.keys)
	if errors.Is(err, ErrUnknownKey) { // first use, or the key was rotated
		if f.keys, err = f.source.Keys(ctx); err != nil {
			return &unavailableError{fmt.Errorf("open policy bundle: %w", err)}
		}
		b, err = OpenBundle(sealed, f.keys)
	}
	if err != nil {
		return err
	}
	return f.decider.Load(ctx, b)
}

// Load replaces the policy by a verified bundle's, for the decisions that begin from now on. With an error the
// policy in force stays.
func (d *Decider) Load(ctx context.Context, b Bundle) error {
	routes, ok := b.Services[d.service]
	if !ok {
		return fmt.Errorf("load policy: the bundle has none for %s", d.service)
	}
	if b.Revision <= d.Revision() && controls.On(controls.AppPolicyBundle) {
		return fmt.Errorf("load policy: revision %d is not newer than %d", b.Revision, d.Revision())
	}
	p, err := prepare(ctx, d.service, b.Files, routes)
	if err != nil {
		return err
	}
	p.revision = b.Revision
	d.current.Store(p)
	return nil
}

// Revision is that of the bundle in force; 0 for the rules compiled in, -1 when there is no policy.
func (d *Decider) Revision() int64 {
	if p := d.current.Load(); p != nil {
		return p.revision
	}
	return -1
}

// Ready says why there is no policy, nil when there is one.
func (d *Decider) Ready() error {
	if d.current.Load() == nil {
		return errors.New("no policy is loaded")
	}
	return nil
}
