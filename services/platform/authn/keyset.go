package authn

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"redoubt.example/services/platform/fault"
)

const (
	// refetchAtMost bounds what a flood of tokens with made-up key IDs can ask of the gateway.
	refetchAtMost = time.Second
	// refreshAfter is well below the minter's rotation period, so that its next key is known before it is used.
	refreshAfter = 10 * time.Minute
	fetchTimeout = 2 * time.Second
)

// keySet holds the gateway's public keys, by key ID.
type keySet struct {
	fetch   func(context.Context) ([]byte, error)
	known   atomic.Pointer[keys]
	headers headers
	flight  singleflight.Group

	// Touched only within flight.
	lastTry time.Time
	lastErr error
}

type keys struct {
	byID    map[string]ed25519.PublicKey
	fetched time.Time
}

func newKeySet(fetch func(context.Context) ([]byte, error)) *keySet {
	s := &keySet{fetch: fetch}
	s.known.Store(&keys{})
	return s
}

func (s *keySet) get(ctx context.Context, id string) (ed25519.PublicKey, error) {
	known := s.known.Load()
	if key, ok := known.byID[id]; ok {
		if time.Since(known.fetched) > refreshAfter {
			_ = s.refetch() // in the background: this request has its key
		}
		return key, nil
	}
	select {
	case result := <-s.refetch():
		if result.Err != nil {
			return nil, fault.Wrap(fault.Unavailable, result.Err, "transaction token keys unavailable")
		}
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Timeout, ctx.Err(), "transaction token keys unavailable")
	}
	if key, ok := s.known.Load().byID[id]; ok {
		return key, nil
	}
	return nil, refuse("unknown key")
}

// refetch gets the set anew, once for all who ask meanwhile, and not again within refetchAtMost. It outlives
// the request that asked, so that a caller who hangs up can't keep the others from the keys.
func (s *keySet) refetch() <-chan singleflight.Result {
	return s.flight.DoChan("", func() (any, error) {
		if time.Since(s.lastTry) >= refetchAtMost {
			s.lastTry = time.Now()
			s.lastErr = s.replace()
		}
		return nil, s.lastErr
	})
}

// replace leaves the known keys in place when the new ones can't be had.
func (s *keySet) replace() error {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	text, err := s.fetch(ctx)
	if err != nil {
		return err
	}
	byID, err := parseKeys(text)
	if err != nil {
		return err
	}
	s.known.Store(&keys{byID: byID, fetched: time.Now()})
	return nil
}

// parseKeys takes the Ed25519 public keys of a JWK Set, and nothing else that may be in it.
func parseKeys(text []byte) (map[string]ed25519.PublicKey, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("parse JWK set: %w", err)
	}
	byID := make(map[string]ed25519.PublicKey, len(set.Keys))
	for _, k := range set.Keys {
		if public, ok := k.Key.(ed25519.PublicKey); ok && k.KeyID != "" {
			byID[k.KeyID] = public
		}
	}
	return byID, nil
}
