package edge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// MaxBody is the most that a request's body may hold.
const MaxBody = 1 << 20

// readBody reads the request's whole body, whether or not its length was announced. So a slow client occupies
// nothing inside, and one that breaks off can't look to a circuit breaker like a failing upstream.
func readBody(x *Exchange) error {
	r := x.Request()
	limit := int64(MaxBody)
	if !controls.On(controls.EdgeBodyLimit) {
		limit = math.MaxInt64
	}
	if r.ContentLength > limit {
		return tooLarge(x)
	}
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(min(r.ContentLength, 64<<10))) // announced isn't sent: grow as it comes
	}
	_, err := io.Copy(&body, http.MaxBytesReader(x.Response(), r.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return tooLarge(x)
	case errors.Is(err, os.ErrDeadlineExceeded): // of Serve
		return x.Deny(controls.EdgeSlowClient, fault.Invalid, fmt.Sprintf("the request's body didn't arrive within %v", bodyTimeout))
	case err != nil:
		return fault.Wrap(fault.Invalid, err, "the request's body didn't arrive whole")
	}
	x.Body = body.Bytes()
	r.Body = io.NopCloser(bytes.NewReader(x.Body)) // for a handler that reads it itself
	return nil
}

func tooLarge(x *Exchange) error {
	return x.Deny(controls.EdgeBodyLimit, fault.TooLarge, fmt.Sprintf("the request's body is over %d bytes", MaxBody))
}
