package accesstoken

import (
	"sync"

	jose "github.com/go-jose/go-jose/v4"
)

// verifiedHalf bounds what is remembered at twice as many tokens, about 8 MB.
const verifiedHalf = 2048

// verified remembers which tokens' signatures were found good, and by which keys: a client sends the same token until
// it expires, and to verify it takes longer than all that the edge does besides. Only the signature is remembered;
// what else is asked of a token is asked each time. When the issuer's keys are fetched anew everything is forgotten,
// so that a withdrawn key ends as soon as it would without this. It has two halves: when the newer is full it becomes
// the older, and the older is forgotten; only good tokens get in, so a flood of forged ones can't push them out.
type verified struct {
	mu           sync.RWMutex
	keys         *map[string]jose.JSONWebKey
	newer, older map[string]opened // by the whole token
}

// opened is a good token's payload and its name in events.
type opened struct {
	payload []byte
	name    string
}

// get returns a token that one of these keys has verified.
func (v *verified) get(raw string, keys *map[string]jose.JSONWebKey) (opened, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.keys != keys {
		return opened{}, false
	}
	if t, ok := v.newer[raw]; ok {
		return t, true
	}
	t, ok := v.older[raw]
	return t, ok
}

// put remembers a token. keys are those that were known before it was verified.
func (v *verified) put(raw string, keys *map[string]jose.JSONWebKey, t opened) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.keys != keys {
		v.keys, v.newer, v.older = keys, nil, nil
	}
	if v.newer == nil || len(v.newer) >= verifiedHalf {
		v.older, v.newer = v.newer, make(map[string]opened)
	}
	v.newer[raw] = t
}
