// Package cors answers browsers that ask whether a page of another origin may use the API (Fetch standard, CORS protocol). Only
// origins of an explicit list may; credentials that a browser would add by itself (cookies) never count, so the answer never
// allows them.
package cors

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Policy is the list. The zero value, and nil, list nobody.
type Policy struct{ origins map[string]bool }

// New checks the origins as a browser would send them: scheme, host and, unless it is the scheme's own, port.
// "*" and "null" are nobody's: a sandboxed frame of any page says "null".
func New(origins []string) (*Policy, error) {
	p := &Policy{origins: map[string]bool{}}
	for _, o := range origins {
		u, err := url.Parse(o)
		switch {
		case err != nil || u.Host == "" || o != strings.ToLower(u.Scheme+"://"+u.Host):
			return nil, fmt.Errorf("%q is not an origin such as https://app.example.com", o)
		case strings.Contains(u.Host, "*"):
			return nil, fmt.Errorf("origin %q: each one is listed by itself, without wildcards", o)
		case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80":
			return nil, fmt.Errorf("origin %q: browsers leave the scheme's own port out", o)
		case u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
			return nil, fmt.Errorf("origin %q: http is for loopback alone", o)
		}
		p.origins[o] = true
	}
	return p, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// The answer's fixed parts.
const (
	allowHeaders  = "Authorization, Content-Type, DPoP, Idempotency-Key, If-Match, If-None-Match, Prefer"
	exposeHeaders = "Deprecation, DPoP-Nonce, Link, Location, RateLimit, RateLimit-Policy, Retry-After, Sunset, X-Request-Id"
	maxAge        = "600"
)

// Verdict is what a policy says of a request.
type Verdict int

// The verdicts.
const (
	Pass      Verdict = iota // no page of another origin, or a listed one
	Preflight                // a listed origin asks what it may do; the headers are the answer
	Refused                  // an origin that isn't listed
)

// Check sets the response's headers. allow lists the methods that the path has, as the header Allow does; "" when there is
// no such path. any lets every origin pass, as a careless policy would: what it means to have the control off.
func (p *Policy) Check(r *http.Request, allow string, any bool, h http.Header) Verdict {
	h.Add("Vary", "Origin")
	origins := r.Header["Origin"]
	if len(origins) == 0 {
		return Pass
	}
	if !any && (len(origins) > 1 || !p.lists(origins[0])) {
		return Refused
	}
	h.Set("Access-Control-Allow-Origin", origins[0])
	h.Set("Access-Control-Expose-Headers", exposeHeaders)
	if r.Method != http.MethodOptions || len(r.Header["Access-Control-Request-Method"]) == 0 || allow == "" {
		return Pass
	}
	h.Add("Vary", "Access-Control-Request-Method")
	h.Add("Vary", "Access-Control-Request-Headers")
	h.Set("Access-Control-Allow-Methods", allow)
	h.Set("Access-Control-Allow-Headers", allowHeaders)
	h.Set("Access-Control-Max-Age", maxAge)
	return Preflight
}

func (p *Policy) lists(origin string) bool { return p != nil && p.origins[origin] }
