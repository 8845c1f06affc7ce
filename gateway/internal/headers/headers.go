// Package headers decides which header fields pass the edge, in both directions. Only what is listed passes:
// a field that some service inside learns to believe tomorrow is kept out today (RFC 9110 section 7.6.1 for
// the hop-by-hop ones, which aren't listed either).
package headers

import (
	"net/http"
	"slices"
	"strings"
)

// inward is what a client may say to a service.
var inward = []string{
	"Accept", "Accept-Language", "Content-Encoding", "Content-Language", "Content-Type", "Idempotency-Key",
	"If-Match", "If-Modified-Since", "If-None-Match", "If-Unmodified-Since", "Prefer", "Range",
	"Webhook-Id", "Webhook-Signature", "Webhook-Timestamp", // Standard Webhooks: covered by the source's signature
}

// outward is what a service may say to a client.
var outward = []string{
	"Accept-Ranges", "Allow", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Range", "Content-Type",
	"Deprecation", "Etag", "Last-Modified", "Link", "Preference-Applied", "Retry-After", "Sunset", "Vary",
}

// joined are lists: the edge's own and a service's entries stand beside each other.
var joined = []string{"Link", "Vary"}

// forged is what only somebody inside may say. A client that sends it isn't merely verbose.
var forged = []string{"Forwarded", "Server-Timing", "Txn-Token", "Via", "X-Real-Ip", "X-Request-Id"}

// forgedPrefixes: X-Forwarded-For, -Host, -Client-Cert and relatives; Envoy's and Consul's own.
var forgedPrefixes = []string{"X-Forwarded-", "X-Envoy-", "X-Consul-", "X-Vault-", "X-Redoubt-"}

// Inward returns the fields to forward to a service, and the names of those that a client has no business
// sending: dropped like the rest, but worth a decision record.
func Inward(in http.Header) (out http.Header, dropped []string) {
	out = make(http.Header, 8)
	for _, name := range inward {
		if values := in[name]; len(values) > 0 {
			out[name] = values
		}
	}
	for name := range in {
		if isForged(name) {
			dropped = append(dropped, name)
		}
	}
	slices.Sort(dropped)
	return out, dropped
}

// Outward copies the fields that a client may see of a service's response.
func Outward(to, from http.Header) {
	for _, name := range outward {
		switch values := from[name]; {
		case len(values) == 0:
		case slices.Contains(joined, name):
			to[name] = append(slices.Clip(to[name]), values...)
		case len(to[name]) == 0: // what the edge says itself is right
			to[name] = values
		}
	}
	// A service may point only at this API: anything else would be an internal address or an open redirect.
	if at := from.Get("Location"); strings.HasPrefix(at, "/") && !strings.HasPrefix(at, "//") && !strings.ContainsRune(at, '\\') {
		to.Set("Location", at)
	}
}

func isForged(name string) bool {
	if !strings.HasPrefix(name, "X-") {
		return slices.Contains(forged, name)
	}
	return slices.Contains(forged, name) || slices.ContainsFunc(forgedPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}
