// Package shape refuses requests whose form alone is reason enough: those that two parsers could read differently, and
// those that are larger in some way than any honest one. What can't be read at all, net/http has refused before
// (RFC 9112, RFC 9113); its tests here write down which is which.
package shape

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// The limits of a request's head. In bytes, all of it together is limited by the server.
const (
	MaxFields = 64      // header fields, a repeated one counted each time
	MaxValue  = 8 << 10 // of one field: an access token is the longest
	MaxPath   = 512
	MaxQuery  = 2 << 10
	MaxParams = 32
)

// Violation is what is wrong with a request, in words that the client may read.
type Violation struct {
	Reason string
	// Path: it is the path's spelling. Nothing is at a path like that.
	Path bool
	// Close: what follows on the connection could be taken for another request.
	Close bool
}

// single are the fields that say something once or not at all: of two, one service would believe the first and
// another the last (RFC 9110 section 5.3). Authorization and Content-Type are looked at by the controls that read them.
var single = []string{
	"Content-Encoding", "Content-Length", "Content-Range", "Dpop", "Expect", "Host",
	"Idempotency-Key", "If-Modified-Since", "If-Unmodified-Since", "Origin", "Range", "Traceparent", "Transfer-Encoding", "Upgrade", "User-Agent",
	"Webhook-Id", "Webhook-Signature", "Webhook-Timestamp",
}

// Check returns what is wrong with a request's head, or nil.
func Check(r *http.Request) *Violation {
	// Two ways to say how long a body is are what request smuggling is made of (RFC 9112 section 11.2). net/http
	// believes the chunks and forgets the length; whoever stands before us may do the reverse. So a client says the
	// length, or uses HTTP/2, which has neither.
	if len(r.TransferEncoding) > 0 || len(r.Header["Transfer-Encoding"]) > 0 {
		return &Violation{Reason: "Transfer-Encoding isn't accepted: announce the body with Content-Length, or use HTTP/2", Close: true}
	}
	if !r.ProtoAtLeast(1, 1) {
		return &Violation{Reason: "HTTP/1.1 or HTTP/2 is needed", Close: true}
	}
	if v := checkTarget(r); v != nil {
		return v
	}
	return checkFields(r)
}

func checkFields(r *http.Request) *Violation {
	fields := 0
	for name, values := range r.Header {
		if fields += len(values); fields > MaxFields {
			return &Violation{Reason: "the request has too many header fields"}
		}
		for _, v := range values {
			if len(v) > MaxValue {
				return &Violation{Reason: "a header field is too long"}
			}
			if !printable(v) {
				return &Violation{Reason: "a header field has characters beyond ASCII"}
			}
		}
		// CGI and its heirs make one name of X-Forwarded-For and X_Forwarded_For.
		if strings.IndexByte(name, '_') >= 0 {
			return &Violation{Reason: "a header field's name has an underscore"}
		}
	}
	for _, name := range single {
		if len(r.Header[name]) > 1 {
			return &Violation{Reason: "the header field " + name + " is there more than once"}
		}
	}
	if host := r.Header["Host"]; len(host) > 0 && host[0] != r.Host { // HTTP/2: RFC 9113 section 8.3.1
		return &Violation{Reason: "Host and :authority differ"}
	}
	return nil
}

// checkTarget looks at the target as it was sent. A path has one spelling: nothing is decoded, so nothing can be
// decoded twice, and no segment means another than it says.
func checkTarget(r *http.Request) *Violation {
	if r.RequestURI == "*" && r.Method == http.MethodOptions {
		return nil
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	if len(path) > MaxPath || !plain(path) {
		return &Violation{Reason: "no such path", Path: true}
	}
	return checkQuery(query)
}

// plain paths are made of segments of unreserved characters and colons, none of them empty but the last, none a dot
// or two.
func plain(path string) bool {
	if !strings.HasPrefix(path, "/") { // the absolute form, or CONNECT's
		return false
	}
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '~', c == ':':
		case c == '.':
			end := strings.IndexByte(path[i:], '/')
			if end < 0 {
				end = len(path) - i
			}
			if segment := path[i : i+end]; path[i-1] == '/' && (segment == "." || segment == "..") {
				return false
			}
		case c == '/':
			if i > 0 && path[i-1] == '/' {
				return false
			}
		default: // % and ; and \ among them
			return false
		}
	}
	return true
}

func checkQuery(raw string) *Violation {
	if len(raw) > MaxQuery || strings.Count(raw, "&") >= MaxParams {
		return &Violation{Reason: "the query string is too long"}
	}
	if raw == "" {
		return nil
	}
	for pair := range strings.SplitSeq(raw, "&") {
		text, err := url.QueryUnescape(pair)
		if err != nil || strings.ContainsAny(pair, "; #\t") || !printable(pair) {
			return &Violation{Reason: "the query string is malformed"}
		}
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return &Violation{Reason: "the query string isn't UTF-8 text"}
		}
	}
	return nil
}

// printable ASCII is all that a field's value needs (RFC 9110 section 5.5).
func printable(v string) bool {
	for i := 0; i < len(v); i++ {
		if c := v[i]; (c < ' ' && c != '\t') || c >= 0x7f {
			return false
		}
	}
	return true
}
