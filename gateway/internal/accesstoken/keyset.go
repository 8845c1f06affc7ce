package accesstoken

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

const (
	// refetchAtMost bounds what a flood of tokens with made-up key IDs can ask of the issuer.
	refetchAtMost = time.Second
	maxWaiting    = 16
	fetchTimeout  = 5 * time.Second
	maxKeySet     = 1 << 20
)

// keySet holds the issuer's public signing keys by key ID. go-oidc's own asks the issuer again for every token
// that doesn't verify: on the open internet that hands the issuer's load to whoever sends garbage.
type keySet struct {
	url    string
	client *http.Client
	known  atomic.Pointer[map[string]jose.JSONWebKey]

	waiting chan struct{} // holds one element per token that waits for a refetch
	mu      sync.Mutex
	lastTry time.Time // when it began
}

func newKeySet(url string, client *http.Client) *keySet {
	return &keySet{url: url, client: client, waiting: make(chan struct{}, maxWaiting)}
}

// get returns the key, asking the issuer for a key ID that isn't known, at most once a second. A token that comes
// within that second waits for its end: its key may just have been published. Only a few may wait.
func (s *keySet) get(ctx context.Context, id string) (jose.JSONWebKey, bool) {
	if key, ok := (*s.known.Load())[id]; ok {
		return key, true
	}
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		return jose.JSONWebKey{}, false
	}
	s.askAgain(ctx, time.Now())
	key, ok := (*s.known.Load())[id]
	return key, ok
}

// askAgain returns when the keys are newer than asked, or can't be had.
func (s *keySet) askAgain(ctx context.Context, asked time.Time) {
	s.mu.Lock() // who comes meanwhile finds the outcome of the one who asks
	defer s.mu.Unlock()
	if s.lastTry.After(asked) {
		return
	}
	select {
	case <-time.After(time.Until(s.lastTry.Add(refetchAtMost))):
	case <-ctx.Done():
		return
	}
	// The client may hang up; those who wait for the same keys mustn't lose them by that.
	_ = s.fetch(context.WithoutCancel(ctx)) // the known keys stay; Run reports an issuer that is away
}

// refresh gets the keys anew, so that one the issuer has withdrawn is forgotten.
func (s *keySet) refresh(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetch(ctx)
}

func (s *keySet) fetch(ctx context.Context) error {
	s.lastTry = time.Now()
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return fmt.Errorf("fetch issuer's keys: %w", err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("fetch issuer's keys: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("fetch issuer's keys: %s", resp.Status)
	}
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxKeySet)).Decode(&set); err != nil {
		return fmt.Errorf("fetch issuer's keys: %w", err)
	}
	byID := make(map[string]jose.JSONWebKey, len(set.Keys))
	for _, k := range set.Keys {
		if k.IsPublic() && k.Valid() && (k.Use == "" || k.Use == "sig") {
			byID[k.KeyID] = k
		}
	}
	if len(byID) == 0 {
		return errors.New("fetch issuer's keys: none is a public signing key")
	}
	s.known.Store(&byID)
	return nil
}
