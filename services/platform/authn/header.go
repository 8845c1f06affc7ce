package authn

import (
	"encoding/json"
	"regexp"
	"sync/atomic"
)

// The JOSE header is checked by hand: it may be exactly the one that the minter writes, so there is no algorithm to
// choose (RFC 8725, section 3.1), and no jku, jwk, x5u, x5c, crit or zip that would let a token say where its key
// comes from or how to read it. All tokens of a key share the header, so it is read once.

var keyIDs = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// headers remembers those of tokens that verified: at most one for each key of the gateway's.
type headers struct {
	known atomic.Pointer[map[string]string] // encoded header -> key ID
}

// headerKey returns the key ID of an encoded header.
func (s *keySet) headerKey(encoded string) (string, error) {
	if known := s.headers.known.Load(); known != nil {
		if id, ok := (*known)[encoded]; ok {
			return id, nil
		}
	}
	text, err := strictBase64.DecodeString(encoded)
	if err != nil {
		return "", refuse("header malformed")
	}
	var header map[string]string
	if err := json.Unmarshal(text, &header); err != nil {
		return "", refuse("header malformed, or with a parameter that isn't text")
	}
	switch {
	case header["typ"] != tokenType:
		return "", refuse("not a transaction token (typ)")
	case header["alg"] != algorithm:
		return "", refuse("not signed with EdDSA")
	case !keyIDs.MatchString(header["kid"]):
		return "", refuse("header names no key")
	}
	// What a parser makes of a text is not the text: a parameter twice, or spelled otherwise, must not pass.
	if string(text) != `{"alg":"`+algorithm+`","kid":"`+header["kid"]+`","typ":"`+tokenType+`"}` {
		return "", refuse("header must have alg, kid and typ and nothing else")
	}
	return header["kid"], nil
}

// rememberHeader is called with headers of tokens that verified, so a flood of forged ones costs no memory. Old keys'
// are forgotten with the rest when there are more than any set of keys has.
func (s *keySet) rememberHeader(encoded, keyID string) {
	known := s.headers.known.Load()
	next := map[string]string{encoded: keyID}
	if known != nil {
		if _, ok := (*known)[encoded]; ok {
			return
		}
		for k, v := range *known {
			if len(next) < maxHeaders {
				next[k] = v
			}
		}
	}
	s.headers.known.CompareAndSwap(known, &next) // lost to another request: the next token tries again
}

const maxHeaders = 8
