// Package xfcc reads the header by which Envoy tells its app who calls: x-forwarded-client-cert (Envoy's
// documentation, "HTTP header manipulation"). Whoever can reach the app can write one, so it is worth what the
// connection is worth that it came over.
package xfcc

import (
	"errors"
	"fmt"
	"strings"

	"redoubt.example/services/platform/mesh/spiffe"
)

// Header is the header's name, as HTTP/2 and gRPC metadata spell it.
const Header = "x-forwarded-client-cert"

// maxLen is more than two PEM chains take.
const maxLen = 32 << 10

// Caller returns the ID in the header's values, of which there has to be one with one element: Consul has Envoy append to
// what the caller sent (APPEND_FORWARD), so that a second is the caller's own invention. own is the service that it
// was written for.
func Caller(values []string, own string) (spiffe.ID, error) {
	if len(values) != 1 {
		return spiffe.ID{}, fmt.Errorf("%d XFCC headers, and not exactly one", len(values))
	}
	element, err := parse(values[0])
	if err != nil {
		return spiffe.ID{}, err
	}
	by, err := only(element, "by")
	if err != nil {
		return spiffe.ID{}, err
	}
	if by.Service != own {
		return spiffe.ID{}, errors.New("XFCC header of another service's proxy")
	}
	caller, err := only(element, "uri")
	if err != nil {
		return spiffe.ID{}, err
	}
	if caller.TrustDomain != by.TrustDomain || caller.Datacenter != by.Datacenter {
		return spiffe.ID{}, errors.New("XFCC header with a caller of another mesh")
	}
	return caller, nil
}

// only returns the one ID of a key.
func only(element map[string][]string, key string) (spiffe.ID, error) {
	if n := len(element[key]); n != 1 {
		return spiffe.ID{}, fmt.Errorf("XFCC element with %d times %q, and not exactly once", n, key)
	}
	id, err := spiffe.Parse(element[key][0])
	if err != nil {
		return spiffe.ID{}, fmt.Errorf("XFCC header: %w", err)
	}
	return id, nil
}

// parse reads the pairs of one element: key=value, divided by semicolons; a value may be in double quotes. What
// isn't exactly that is refused, above all a quote that ends in the middle: a caller may have opened it.
func parse(text string) (map[string][]string, error) {
	if len(text) > maxLen {
		return nil, errors.New("XFCC header too long")
	}
	pairs := map[string][]string{}
	for rest := text; ; {
		key, after, ok := strings.Cut(rest, "=")
		if !ok || !isKey(key) {
			return nil, errors.New("malformed XFCC header")
		}
		value, after, err := cutValue(after)
		if err != nil {
			return nil, err
		}
		key = strings.ToLower(key)
		pairs[key] = append(pairs[key], value)
		if after == "" {
			return pairs, nil
		}
		if after[0] == ',' {
			return nil, errors.New("XFCC header with more than one element")
		}
		rest = after[1:]
	}
}

// cutValue takes a value off; what is left begins with its divider.
func cutValue(text string) (value, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, ";,")
		if end < 0 {
			end = len(text)
		}
		if strings.ContainsAny(text[:end], "\"\\ \t") {
			return "", "", errors.New("malformed XFCC header")
		}
		return text[:end], text[end:], nil
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			rest = text[i+1:]
			if rest != "" && rest[0] != ';' && rest[0] != ',' {
				return "", "", errors.New("malformed XFCC header")
			}
			return text[1:i], rest, nil // nobody asks for a value with escapes, so they stay
		}
	}
	return "", "", errors.New("XFCC header with an open quote")
}

func isKey(s string) bool {
	for _, c := range []byte(s) {
		if (c|0x20) < 'a' || (c|0x20) > 'z' {
			return false
		}
	}
	return s != ""
}
