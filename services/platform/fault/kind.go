package fault

import (
	"net/http"

	"google.golang.org/grpc/codes"
)

// Kind says what went wrong in the words of the caller. The zero value is Internal, so a forgotten kind shows nothing.
type Kind uint8

// The kinds, each with its HTTP status.
const (
	Internal            Kind = iota // 500
	Invalid                         // 400
	Unauthenticated                 // 401
	Denied                          // 403
	NotFound                        // 404
	MethodNotAllowed                // 405
	Conflict                        // 409
	Gone                            // 410: it was here, and won't come back
	TooLarge                        // 413
	UnsupportedMedia                // 415
	Unprocessable                   // 422
	InsufficientCredits             // 402
	AccountBlocked                  // 403: frozen or closed; who asks may do it, the account may not
	RateLimited                     // 429
	UpstreamFailed                  // 502
	BreakerOpen                     // 503: refused here, the upstream wasn't asked
	Unavailable                     // 503
	Timeout                         // 504
	Canceled                        // 499: the caller went away; nobody reads the answer
)

// statusClientClosed has no name in RFC 9110; nginx's number for it is what dashboards know.
const statusClientClosed = 499

// kinds holds, for each kind, its name on the wire, its title for people, and its place in HTTP and gRPC.
var kinds = [...]struct {
	name, title string
	status      int
	code        codes.Code
}{
	Internal:            {"internal", "internal error", http.StatusInternalServerError, codes.Internal},
	Invalid:             {"invalid", "invalid request", http.StatusBadRequest, codes.InvalidArgument},
	Unauthenticated:     {"unauthenticated", "not authenticated", http.StatusUnauthorized, codes.Unauthenticated},
	Denied:              {"denied", "access denied", http.StatusForbidden, codes.PermissionDenied},
	NotFound:            {"not-found", "not found", http.StatusNotFound, codes.NotFound},
	MethodNotAllowed:    {"method-not-allowed", "method not allowed", http.StatusMethodNotAllowed, codes.Unimplemented},
	Conflict:            {"conflict", "conflict", http.StatusConflict, codes.Aborted},
	Gone:                {"gone", "gone", http.StatusGone, codes.NotFound},
	TooLarge:            {"too-large", "request too large", http.StatusRequestEntityTooLarge, codes.OutOfRange},
	UnsupportedMedia:    {"unsupported-media", "unsupported content type", http.StatusUnsupportedMediaType, codes.InvalidArgument},
	Unprocessable:       {"unprocessable", "request can't be processed", http.StatusUnprocessableEntity, codes.FailedPrecondition},
	InsufficientCredits: {"insufficient-credits", "insufficient credits", http.StatusPaymentRequired, codes.FailedPrecondition},
	AccountBlocked:      {"account-blocked", "account blocked", http.StatusForbidden, codes.FailedPrecondition},
	RateLimited:         {"rate-limited", "too many requests", http.StatusTooManyRequests, codes.ResourceExhausted},
	UpstreamFailed:      {"upstream-failed", "an upstream failed", http.StatusBadGateway, codes.Unavailable},
	BreakerOpen:         {"breaker-open", "an upstream is failing, its circuit breaker is open", http.StatusServiceUnavailable, codes.Unavailable},
	Unavailable:         {"unavailable", "unavailable", http.StatusServiceUnavailable, codes.Unavailable},
	Timeout:             {"timeout", "timed out", http.StatusGatewayTimeout, codes.DeadlineExceeded},
	Canceled:            {"canceled", "request canceled", statusClientClosed, codes.Canceled},
}

// String returns the kind's name on the wire, such as "insufficient-credits".
func (k Kind) String() string { return kinds[k.valid()].name }

// Title returns the kind in a few words for people.
func (k Kind) Title() string { return kinds[k.valid()].title }

// HTTPStatus returns the status that answers with this kind.
func (k Kind) HTTPStatus() int { return kinds[k.valid()].status }

// Code returns the gRPC code that answers with this kind.
func (k Kind) Code() codes.Code { return kinds[k.valid()].code }

// behind tells whether the kind is about an upstream of who answers.
func (k Kind) behind() bool { return k == UpstreamFailed || k == BreakerOpen }

func (k Kind) valid() Kind {
	if int(k) >= len(kinds) {
		return Internal
	}
	return k
}

func kindNamed(name string) (Kind, bool) {
	for k := range kinds {
		if kinds[k].name == name {
			return Kind(k), true
		}
	}
	return Internal, false
}

// kindOfStatus is for answers that carry no problem document of ours.
func kindOfStatus(status int) Kind {
	switch status {
	case http.StatusServiceUnavailable:
		return Unavailable // BreakerOpen shares its status, but only we can say that
	case http.StatusBadGateway:
		return UpstreamFailed
	}
	for k := range kinds {
		if kinds[k].status == status && Kind(k) != Internal {
			return Kind(k)
		}
	}
	if status >= 400 && status < 500 {
		return Invalid
	}
	return UpstreamFailed
}

func kindOfCode(code codes.Code) Kind {
	switch code {
	case codes.InvalidArgument:
		return Invalid
	case codes.Unauthenticated:
		return Unauthenticated
	case codes.PermissionDenied:
		return Denied
	case codes.NotFound:
		return NotFound
	case codes.Aborted, codes.AlreadyExists:
		return Conflict
	case codes.FailedPrecondition:
		return Unprocessable
	case codes.OutOfRange:
		return TooLarge
	case codes.ResourceExhausted:
		return RateLimited
	case codes.Unavailable:
		return Unavailable
	case codes.DeadlineExceeded:
		return Timeout
	case codes.Canceled:
		return Canceled
	}
	return UpstreamFailed
}
