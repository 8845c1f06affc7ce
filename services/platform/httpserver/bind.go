package httpserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"redoubt.example/services/platform/fault"
)

// Bind decodes the request's body, one JSON value of at most maxBytes, into into. An unknown field, trailing
// data or another content type is fault.Invalid; too many bytes are fault.TooLarge.
func Bind(c echo.Context, into any, maxBytes int64) error {
	r := c.Request()
	media, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err != nil || media != echo.MIMEApplicationJSON {
		return fault.New(fault.Invalid, "the content type must be application/json")
	}
	text, err := io.ReadAll(http.MaxBytesReader(c.Response().Writer, r.Body, maxBytes))
	if err != nil {
		return bindFault(err)
	}
	return Decode(text, into)
}

// Decode decodes one JSON value as strictly as Bind. JSON is UTF-8 (RFC 8259 section 8.1); encoding/json would
// silently put other characters where it isn't.
func Decode(text []byte, into any) error {
	if !utf8.Valid(text) {
		return fault.New(fault.Invalid, "the body is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return bindFault(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "the body has more than one JSON value")
	}
	return nil
}

// bindFault says what is wrong in the words of the API, without the names of our Go types.
func bindFault(err error) error {
	var (
		syntax   *json.SyntaxError
		mismatch *json.UnmarshalTypeError
		tooLarge *http.MaxBytesError
	)
	switch {
	case errors.As(err, &tooLarge):
		return fault.Wrap(fault.TooLarge, err, "the body is larger than %d bytes", tooLarge.Limit)
	case errors.Is(err, io.EOF):
		return fault.New(fault.Invalid, "the body is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.New(fault.Invalid, "the body ends in the middle of a JSON value")
	case errors.As(err, &syntax):
		return fault.Wrap(fault.Invalid, err, "the body is not JSON (at byte %d)", syntax.Offset)
	case errors.As(err, &mismatch):
		if mismatch.Field == "" {
			return fault.Wrap(fault.Invalid, err, "the body must not be a JSON %s", mismatch.Value)
		}
		return fault.Wrap(fault.Invalid, err, "field %q must not be a JSON %s", mismatch.Field, mismatch.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fault.Wrap(fault.Invalid, err, "unknown field %s", name)
	}
	return fault.Wrap(fault.Invalid, err, "the body can't be read")
}
