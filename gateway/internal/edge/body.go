package edge

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// MaxBody is the most that a request's body may hold.
const MaxBody = 1 << 20

// readBody reads the request's whole body, whether or not its length was announced.
func readBody(c echo.Context) ([]byte, error) {
	r := c.Request()
	if r.ContentLength > MaxBody {
		return nil, tooLarge(c)
	}
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(min(r.ContentLength, 64<<10))) // announced isn't sent: grow as it comes
	}
	_, err := io.Copy(&body, http.MaxBytesReader(c.Response(), r.Body, MaxBody))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(c)
	case err != nil:
		return nil, fault.Wrap(fault.Invalid, err, "the request's body didn't arrive whole")
	}
	return body.Bytes(), nil
}

func tooLarge(c echo.Context) error {
	controls.Record(c.Request().Context(), controls.EdgeBodyLimit, controls.Deny, "body over the limit", "route", c.Get(routeKey))
	return fault.New(fault.TooLarge, "the request's body is over %d bytes", MaxBody)
}
