package identity

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
	"time"

	"redoubt.example/services/platform/mesh/spiffe"
)

// verified remembers chains that were good under one generation's roots: the same few peers connect again and
// again, and checking the signatures anew costs a quarter of a handshake. Signatures don't change with time; how
// long the certificates are good does, and is looked at each time.
type verified struct {
	mu  sync.Mutex
	all map[verifiedKey]verifiedChain
}

type verifiedKey struct {
	chain [sha256.Size]byte // over all that the peer sent
	usage x509.ExtKeyUsage
}

type verifiedChain struct {
	id         spiffe.ID
	from, till time.Time // while every certificate on the path is good
}

// maxVerified bounds what is remembered; the mesh has fewer peers with a leaf that is good now.
const maxVerified = 256

func keyOf(chain []*x509.Certificate, usage x509.ExtKeyUsage) verifiedKey {
	h := sha256.New()
	for _, c := range chain { // each begins with its own length (DER)
		h.Write(c.Raw)
	}
	key := verifiedKey{usage: usage}
	h.Sum(key.chain[:0])
	return key
}

func (v *verified) get(chain []*x509.Certificate, usage x509.ExtKeyUsage) (spiffe.ID, bool) {
	key := keyOf(chain, usage)
	v.mu.Lock()
	defer v.mu.Unlock()
	found, ok := v.all[key]
	if now := time.Now(); !ok || now.Before(found.from) || now.After(found.till) {
		return spiffe.ID{}, false
	}
	return found.id, true
}

// put remembers a chain whose path to a root was checked.
func (v *verified) put(chain []*x509.Certificate, usage x509.ExtKeyUsage, path []*x509.Certificate, id spiffe.ID) {
	found := verifiedChain{id: id, from: path[0].NotBefore, till: path[0].NotAfter}
	for _, c := range path[1:] {
		if c.NotBefore.After(found.from) {
			found.from = c.NotBefore
		}
		if c.NotAfter.Before(found.till) {
			found.till = c.NotAfter
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.all == nil || len(v.all) >= maxVerified {
		v.all = map[verifiedKey]verifiedChain{}
	}
	v.all[keyOf(chain, usage)] = found
}
