// Package pseudonym gives principals and access tokens the names that they have in security events: keyed hashes, the same
// for the same one, of which nobody without the key can find out whose they are, not by trying all names either.
package pseudonym

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"sync"

	"redoubt.example/services/platform/apikey"
)

// The hash's key is the HMAC of Purpose under this version of a transit key of Vault's, which is for the gateway and the operator
// alone. The version stays when the key is rotated, so that events before and after it are of the same one.
const (
	Key     = apikey.PepperKey
	Purpose = "redoubt pseudonyms in events"
	Version = 1
)

// Names makes pseudonyms. A nil Names makes none. Safe for concurrent use.
type Names struct{ work sync.Pool }

// work is what making one takes: kept, so that it costs half a microsecond and the allocation of the name.
type work struct {
	hash   hash.Hash
	in     []byte
	sum    [sha256.Size]byte
	digits [2 * length]byte
}

// length is that of a pseudonym in bytes, half of the hash.
const length = sha256.Size / 2

// New returns what makes pseudonyms with a key.
func New(key []byte) *Names {
	key = append([]byte(nil), key...)
	return &Names{sync.Pool{New: func() any { return &work{hash: hmac.New(sha256.New, key)} }}}
}

// Format prints nothing of the key, whatever the verb.
func (n *Names) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "pseudonyms") }

// Principal is the pseudonym of a principal; "" of none.
func (n *Names) Principal(name string) string { return n.of("principal\x00", name) }

// Token is the pseudonym of an access token with these claims, as they were signed. Of the token's text it would be another one
// for whoever writes the same token differently: Base64 and some signatures can be.
func (n *Names) Token(claims []byte) string { return n.of("token\x00", string(claims)) }

func (n *Names) of(kind, what string) string {
	if n == nil || what == "" {
		return ""
	}
	w := n.work.Get().(*work)
	defer n.work.Put(w)
	w.hash.Reset()
	w.in = append(append(w.in[:0], kind...), what...)
	_, _ = w.hash.Write(w.in)
	hex.Encode(w.digits[:], w.hash.Sum(w.sum[:0])[:length])
	return string(w.digits[:])
}
