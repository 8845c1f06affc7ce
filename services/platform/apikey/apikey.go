// Package apikey is how machine clients authenticate: keys that are shown once and stored as a keyed hash, in
// Consul's KV, where every gateway watches them. A key is for one principal and a list of scopes.
package apikey

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"redoubt.example/services/platform/config"
)

// Folder is where the records lie in Consul's KV, each under its key's prefix.
const Folder = "redoubt/apikeys/"

// The pepper, the hash's key, is the HMAC of PepperPurpose under Vault's transit key PepperKey: Vault is asked for it
// once a version, and a copy of Consul's data alone is of no use to anybody who tries keys out.
const (
	PepperKey     = "apikeys"
	PepperPurpose = "redoubt API keys"
)

// form lets a secret scanner find a key that leaked: rdk_, the prefix by which it is listed, 256 random bits.
var form = regexp.MustCompile(`^rdk_([a-z2-7]{10})_([A-Za-z0-9_-]{43})$`)

// ErrForm is returned for a text that isn't a key. It doesn't quote the text.
var ErrForm = errors.New("an API key is rdk_, its prefix, and 43 characters")

// Record is what is stored of a key: enough to check it, not to use it.
type Record struct {
	Prefix    string    `json:"prefix"`
	Name      string    `json:"name,omitempty"` // whatever its owner calls it
	Principal string    `json:"principal"`
	Scopes    []string  `json:"scopes"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
	Hash      string    `json:"hash"`   // base64 of HMAC-SHA256 (RFC 2104) of the whole key
	Pepper    int       `json:"pepper"` // the version of the hash's key
}

// New makes a key for what the record says, and fills in the rest of the record.
func New(r *Record, pepper []byte, version int) config.Secret {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails: crypto/rand ends the process instead
	r.Prefix = strings.ToLower(rand.Text()[:10])
	key := "rdk_" + r.Prefix + "_" + base64.RawURLEncoding.EncodeToString(random)
	r.Hash, r.Pepper = base64.StdEncoding.EncodeToString(hash(key, pepper)), version
	return config.NewSecret(key)
}

// Prefix returns the part of a key by which its record is found.
func Prefix(key string) (string, error) {
	parts := form.FindStringSubmatch(key)
	if parts == nil {
		return "", ErrForm
	}
	return parts[1], nil
}

// Matches tells whether the key is the record's, in constant time.
func (r Record) Matches(key string, pepper []byte) bool {
	want, err := base64.StdEncoding.DecodeString(r.Hash)
	return err == nil && len(pepper) > 0 && hmac.Equal(want, hash(key, pepper))
}

// Parse reads a stored record.
func Parse(text []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("parse API key's record: %w", err)
	}
	if r.Prefix == "" || r.Principal == "" || len(r.Scopes) == 0 || r.Hash == "" || r.Pepper < 1 || r.Expires.IsZero() {
		return r, fmt.Errorf("parse API key's record: %q lacks something", r.Prefix)
	}
	return r, nil
}

func hash(key string, pepper []byte) []byte {
	mac := hmac.New(sha256.New, pepper)
	mac.Write([]byte(key))
	return mac.Sum(nil)
}
