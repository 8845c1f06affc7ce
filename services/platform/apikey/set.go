package apikey

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"redoubt.example/services/platform/fault"
)

// MaxStale is how long keys are believed without a word from Consul: so long may a key that was revoked during an
// outage still be of use.
const MaxStale = time.Minute

// PepperFunc gets a version of the hash's key.
type PepperFunc func(ctx context.Context, version int) ([]byte, error)

// Set is every key that is good now, by prefix. Reading it costs neither a call nor a lock. Make it with NewSet; it
// knows nothing before the first Update, and then every key is answered with fault.Unavailable.
type Set struct {
	pepper PepperFunc
	known  atomic.Pointer[map[string]entry]
	seen   atomic.Int64 // when Consul last confirmed it, in Unix nanoseconds

	mu      sync.Mutex
	peppers map[int][]byte
}

type entry struct {
	Record
	pepper []byte
}

// Format prints nothing of a set, whatever the verb: what keys are hashed with is in it.
func (s *Set) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("API keys")) }

// NewSet returns a set that hashes with what pepper returns.
func NewSet(pepper PepperFunc) *Set { return &Set{pepper: pepper, peppers: map[int][]byte{}} }

// Update replaces all keys. A record whose pepper can't be had leaves the others good.
func (s *Set) Update(ctx context.Context, records []Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := make(map[string]entry, len(records))
	var failed error
	for _, r := range records {
		pepper := s.peppers[r.Pepper]
		if pepper == nil {
			var err error
			if pepper, err = s.pepper(ctx, r.Pepper); err != nil {
				failed = fmt.Errorf("get version %d of the API keys' pepper: %w", r.Pepper, err)
				continue
			}
			s.peppers[r.Pepper] = pepper
		}
		next[r.Prefix] = entry{r, pepper}
	}
	s.known.Store(&next)
	return failed
}

// Confirm notes that Consul has just said that nothing else is true.
func (s *Set) Confirm() { s.seen.Store(time.Now().UnixNano()) }

// Verify returns the record of a key that is good now. A refusal is fault.Unauthenticated, and its message is for
// the client's developer.
func (s *Set) Verify(key string) (Record, error) {
	known := s.known.Load()
	if known == nil || time.Since(time.Unix(0, s.seen.Load())) > MaxStale {
		return Record{}, fault.New(fault.Unavailable, "API keys can't be checked at the moment")
	}
	prefix, err := Prefix(key)
	if err != nil {
		return Record{}, fault.New(fault.Unauthenticated, "%s", err)
	}
	e, ok := (*known)[prefix]
	switch {
	case !ok || !e.Matches(key, e.pepper): // which of the two is nobody's business
		return Record{}, fault.New(fault.Unauthenticated, "the API key is unknown, or was revoked")
	case !time.Now().Before(e.Expires):
		return Record{}, fault.New(fault.Unauthenticated, "the API key has expired")
	}
	return e.Record, nil
}
