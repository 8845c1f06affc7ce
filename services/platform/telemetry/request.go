package telemetry

import (
	"context"
	"regexp"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
)

// The headers that tie the hops of one request together, and their names in gRPC metadata.
const (
	RequestIDHeader     = "X-Request-Id"
	RequestIDMetadata   = "x-request-id"
	TraceparentHeader   = "Traceparent" // W3C Trace Context
	TraceparentMetadata = "traceparent"
)

var (
	requestID   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)
	traceparent = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
)

type requestKey struct{}
type traceKey struct{}

// NewRequestID returns a UUIDv7 (RFC 9562): it sorts by time.
func NewRequestID() string {
	id, err := uuid.NewV7()
	if err != nil { // the kernel's random source failed: nothing in this process can be trusted
		panic("telemetry: " + err.Error())
	}
	return id.String()
}

// ValidRequestID tells whether an ID that came over the wire may enter logs and headers.
func ValidRequestID(id string) bool { return len(id) <= 64 && requestID.MatchString(id) }

// WithRequestID returns a context that carries the request ID.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestID returns the context's request ID, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// WithTraceparent returns a context that carries a W3C traceparent; a malformed one is dropped, as the
// standard asks.
func WithTraceparent(ctx context.Context, value string) context.Context {
	if len(value) != 55 || !traceparent.MatchString(value) {
		return ctx
	}
	return context.WithValue(ctx, traceKey{}, value)
}

// Traceparent returns what to tell an upstream: the context's span, or the traceparent that it carries, or "".
func Traceparent(ctx context.Context) string {
	if s := trace.SpanContextFromContext(ctx); s.IsValid() && !s.IsRemote() {
		return "00-" + s.TraceID().String() + "-" + s.SpanID().String() + "-" + s.TraceFlags().String()
	}
	v, _ := ctx.Value(traceKey{}).(string)
	return v
}
