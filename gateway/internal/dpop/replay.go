package dpop

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// maxSeen bounds the memory of a generation of proofs, at about 10 MB.
const maxSeen = 1 << 18

// replays remembers proofs for as long as they could be used again, in two generations: the older one is dropped
// whole. It is this process's: with several gateways, a proof is good once at each, and within its minute.
type replays struct {
	mu         sync.Mutex
	turned     time.Time
	young, old map[[16]byte]struct{}
	max        int
}

func newReplays() *replays {
	return &replays{young: map[[16]byte]struct{}{}, old: map[[16]byte]struct{}{}, max: maxSeen}
}

// add tells whether the key's proof is new; full: it can't be remembered, so it mustn't be accepted.
func (r *replays) add(key, id string, now time.Time) (fresh, full bool) {
	sum := sha256.Sum256([]byte(key + "\x00" + id))
	entry := [16]byte(sum[:16])
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := now.Sub(r.turned); age > maxAge+maxAhead {
		r.old, r.young, r.turned = r.young, map[[16]byte]struct{}{}, now
		if age > 2*(maxAge+maxAhead) {
			r.old = nil
		}
	}
	if _, seen := r.young[entry]; seen {
		return false, false
	}
	if _, seen := r.old[entry]; seen {
		return false, false
	}
	if len(r.young) >= r.max {
		return false, true
	}
	r.young[entry] = struct{}{}
	return true, false
}

// nonceLife is how long one is given out; it is good for twice as long.
const nonceLife = 5 * time.Minute

// nonces are made, not kept: a number of the time and its authentication code under a key of this process. A client
// that moves to another gateway, or finds this one restarted, is told that one's nonce.
type nonces struct{ key []byte }

func newNonces() *nonces {
	n := &nonces{key: make([]byte, sha256.Size)}
	_, _ = rand.Read(n.key) // never fails
	return n
}

func (n *nonces) make(now time.Time) string { return n.of(now.Unix() / int64(nonceLife/time.Second)) }

func (n *nonces) good(nonce string, now time.Time) bool {
	return hmac.Equal([]byte(nonce), []byte(n.make(now))) || hmac.Equal([]byte(nonce), []byte(n.make(now.Add(-nonceLife))))
}

func (n *nonces) of(period int64) string {
	mac := hmac.New(sha256.New, n.key)
	_ = binary.Write(mac, binary.BigEndian, period)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// thumbprint is RFC 7638's, in base64url: what a token's cnf.jkt holds.
func thumbprint(key *jose.JSONWebKey) (string, error) {
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}
