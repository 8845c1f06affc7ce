// Package idempotency reads the Idempotency-Key header, after draft-ietf-httpapi-idempotency-key-header. What a
// key protects, and for how long, is each service's own business.
package idempotency

import (
	"net/http"
	"strings"

	"redoubt.example/services/platform/fault"
)

// Header names the key of a request that must take effect once however often it is sent.
const Header = "Idempotency-Key"

// maxLength bounds a key; a UUID takes 36 characters.
const maxLength = 128

// Required returns the request's key. Without one, or with a malformed one, the request is Invalid.
func Required(h http.Header) (string, error) {
	key, err := Optional(h)
	if err == nil && key == "" {
		return "", fault.New(fault.Invalid, "the %s header is missing", Header)
	}
	return key, err
}

// Optional returns the request's key, or "" when it has none. The draft makes the value a string of RFC 8941,
// "in quotes"; the same key without the quotes, as most clients send it, means the same.
func Optional(h http.Header) (string, error) {
	values := h.Values(Header)
	if len(values) == 0 {
		return "", nil
	}
	key := strings.TrimSpace(values[0])
	if n := len(key); n >= 2 && key[0] == '"' && key[n-1] == '"' {
		key = key[1 : n-1]
	}
	if len(values) > 1 || key == "" || len(key) > maxLength || strings.ContainsFunc(key, unusable) {
		return "", fault.New(fault.Invalid, "%s is one string of 1 to %d visible ASCII characters without quotes, commas or backslashes",
			Header, maxLength)
	}
	return key, nil
}

func unusable(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`",\`, r) }
