// Package fault is the platform's error vocabulary: a handful of kinds, each with its place on every wire.
// A fault carries two texts: a message that the caller may read, and a cause that only the log sees.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// fault is an error with a kind. The cause and the text wrapped round it never leave the process.
type fault struct {
	kind    Kind
	message string
	cause   error
	after   time.Duration // when trying again makes sense; 0 = unknown
}

func (f *fault) Error() string {
	if f.cause == nil {
		return f.message
	}
	return f.message + ": " + f.cause.Error()
}

func (f *fault) Unwrap() error { return f.cause }

// New returns an error whose whole text is safe to show to the caller.
func New(k Kind, format string, args ...any) error {
	return &fault{kind: k, message: fmt.Sprintf(format, args...)}
}

// Wrap returns an error whose message is safe to show to the caller, and whose cause is for the log alone.
func Wrap(k Kind, err error, format string, args ...any) error {
	return &fault{kind: k, message: fmt.Sprintf(format, args...), cause: err}
}

// RetryAfter returns err with advice on when to try again: Retry-After over HTTP, RetryInfo over gRPC.
func RetryAfter(err error, d time.Duration) error {
	if f, ok := err.(*fault); ok {
		advised := *f
		advised.after = d
		return &advised
	}
	return &fault{kind: KindOf(err), message: Message(err), cause: err, after: d}
}

// KindOf returns the kind of the outermost fault in err. An error that is no fault is Internal, except that
// the end of a context says whose fault it is: Timeout, or Canceled when the caller has gone.
func KindOf(err error) Kind {
	var f *fault
	switch {
	case errors.As(err, &f):
		return f.kind
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.Is(err, context.Canceled):
		return Canceled
	}
	return Internal
}

// Message returns the text of err that the caller may see; an error that is no fault has only its kind's title.
func Message(err error) string {
	var f *fault
	if errors.As(err, &f) && f.message != "" {
		return f.message
	}
	return KindOf(err).Title()
}

// RetryDelay returns the advice given by RetryAfter, or 0.
func RetryDelay(err error) time.Duration {
	var f *fault
	if errors.As(err, &f) {
		return f.after
	}
	return 0
}
