package webhook

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"time"

	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

var sourceForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// Source is a system outside that delivers webhooks to us. What it says goes to its owner's inbox.
type Source struct {
	Name      string
	Owner     string // the principal who made it
	Sealed    string // the secret, encrypted with "source " and the name as associated data
	CreatedAt time.Time
}

// SourceStore keeps sources.
type SourceStore interface {
	// AddSource stores a source, or returns fault.Conflict when the name is taken.
	AddSource(context.Context, Source) error
	Sources(context.Context) ([]Source, error)
}

// Sources knows every source with its secret in memory, so that a request costs neither a query nor a call of Vault,
// and an unknown name no more than a known one. Safe for concurrent use.
type Sources struct {
	store  SourceStore
	sealer Sealer

	mu    sync.RWMutex
	known map[string]knownSource
}

type knownSource struct {
	Source
	secret Secret
}

// NewSources returns the sources of a store, none known before the first Refresh.
func NewSources(store SourceStore, sealer Sealer) *Sources {
	return &Sources{store: store, sealer: sealer, known: map[string]knownSource{}}
}

// Create makes a source. Its secret is returned here and never again.
func (s *Sources) Create(ctx context.Context, owner, name string) (Source, Secret, error) {
	if !sourceForm.MatchString(name) {
		return Source{}, Secret{}, fault.New(fault.Unprocessable, "a source's name matches %s", sourceForm)
	}
	secret := NewSecret()
	sealed, err := s.sealer.Encrypt(ctx, []byte(secret.Reveal()), associatedWithSource(name))
	if err != nil {
		return Source{}, Secret{}, fault.Wrap(fault.Unavailable, err, "secrets can't be stored at the moment")
	}
	source := Source{Name: name, Owner: owner, Sealed: sealed, CreatedAt: time.Now().UTC().Truncate(time.Microsecond)}
	if err := s.store.AddSource(ctx, source); err != nil {
		return Source{}, Secret{}, err
	}
	s.mu.Lock()
	s.known[name] = knownSource{source, secret}
	s.mu.Unlock()
	return source, secret, nil
}

// Refresh reads the sources that another process made or deleted; only new secrets are decrypted.
func (s *Sources) Refresh(ctx context.Context) error {
	stored, err := s.store.Sources(ctx)
	if err != nil {
		return fmt.Errorf("refresh webhook sources: %w", err)
	}
	next := make(map[string]knownSource, len(stored))
	var failed error
	for _, source := range stored {
		if known, ok := s.lookup(source.Name); ok && known.Sealed == source.Sealed {
			next[source.Name] = known
			continue
		}
		secret, err := open(ctx, s.sealer, source.Sealed, associatedWithSource(source.Name))
		if err != nil { // the others needn't suffer
			failed = fmt.Errorf("open secret of webhook source %s: %w", source.Name, err)
			continue
		}
		next[source.Name] = knownSource{source, secret}
	}
	s.mu.Lock()
	s.known = next
	s.mu.Unlock()
	return failed
}

// Run refreshes until ctx ends.
func (s *Sources) Run(ctx context.Context, every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := s.Refresh(ctx); err != nil && ctx.Err() == nil {
				telemetry.Log(ctx).Warn("known webhook sources may be stale", "error", err.Error())
			}
		}
	}
}

func (s *Sources) lookup(name string) (knownSource, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	known, ok := s.known[name]
	return known, ok
}

func associatedWithSource(name string) []byte { return []byte("source " + name) }
