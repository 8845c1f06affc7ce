package fault

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"redoubt.example/services/platform/telemetry"
)

// ContentType is that of problem details, RFC 9457.
const ContentType = "application/problem+json"

// typePrefix makes a kind's name a URI that nobody dereferences (RFC 9457 section 3.1.1 suggests the tag scheme).
const typePrefix = "tag:redoubt.example,2026:problem/"

// Proxy-Status (RFC 9209) marks an answer whose failure lies behind the service that gives it: that service is
// alive, and has itself tried again what may be tried again. It names nothing of the inside.
const (
	proxyStatus      = "Proxy-Status"
	proxyStatusValue = "redoubt; error=destination_unavailable"
)

// maxProblem bounds what is read of an upstream's error: more is no problem document of ours.
const maxProblem = 16 << 10

// Problem is the body of an error response, RFC 9457.
type Problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail,omitempty"`
	Instance string `json:"instance,omitempty"` // the request ID: what to search the logs for
}

// ProblemOf returns err as the caller may see it. instance is the request ID.
func ProblemOf(err error, instance string) Problem {
	k := KindOf(err)
	p := Problem{Type: typePrefix + k.String(), Title: k.Title(), Status: k.HTTPStatus(), Instance: instance}
	if m := Message(err); m != p.Title {
		p.Detail = m
	}
	return p
}

// WriteProblem answers r with err as a problem document. The caller logs err; nothing of its cause is written.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := ProblemOf(err, telemetry.RequestID(r.Context()))
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Cache-Control", "no-store")
	h.Del("Content-Length")
	h.Del("ETag")
	if d := RetryDelay(err); d > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(d.Seconds()))))
	}
	if KindOf(err).behind() {
		h.Set(proxyStatus, proxyStatusValue)
	}
	if p.Status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
		h.Set("WWW-Authenticate", "Bearer") // RFC 9110 section 11.6.1 asks for a challenge
	}
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(p) // the connection is gone: nobody is left to tell
	}
}

// Behind tells whether a response says that something behind the upstream failed, and not the upstream: no reason
// to keep away from it, and of no use to repeat.
func Behind(resp *http.Response) bool {
	return resp.StatusCode >= http.StatusInternalServerError && resp.Header.Get(proxyStatus) != ""
}

// FromResponse returns the error that a response of 400 or above stands for, nil otherwise. It reads the body
// of an error and leaves closing it to the caller. An upstream's Internal is UpstreamFailed to us.
func FromResponse(resp *http.Response) error {
	if resp.StatusCode < 400 {
		return nil
	}
	f := &fault{kind: kindOfStatus(resp.StatusCode)}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), ContentType) {
		var p Problem
		if json.NewDecoder(io.LimitReader(resp.Body, maxProblem)).Decode(&p) == nil {
			if k, ok := kindNamed(strings.TrimPrefix(p.Type, typePrefix)); ok {
				f.kind = k
			}
			f.message = p.Detail
		}
	}
	if f.kind == Internal {
		f.kind, f.message = UpstreamFailed, ""
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		f.after = time.Duration(s) * time.Second
	}
	if f.message == "" {
		f.message = f.kind.Title()
	}
	return f
}
