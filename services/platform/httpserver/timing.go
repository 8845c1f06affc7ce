package httpserver

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"redoubt.example/services/platform/servertiming"
)

// Timing has a response end with what timing returns, as its Server-Timing. It is a trailer field: only at the end is
// it known how long everything took, and to hold the response back until then would measure another way of serving it.
// A response without a body has no trailer; there the header is the end. To be called before the response begins; what it
// returns, after its last byte.
func Timing(c echo.Context, timing func() string) (finish func()) {
	response, trailing := c.Response(), false
	response.Before(func() {
		h := response.Header()
		if bodyless(c.Request().Method, response.Status) {
			h.Set(servertiming.Field, timing())
			return
		}
		trailing = true
		h.Del(echo.HeaderContentLength) // HTTP/1.1 has trailers after chunks alone
		h.Set("Trailer", servertiming.Field)
	})
	return func() {
		if trailing {
			response.Header().Set(servertiming.Field, timing())
		}
	}
}

// bodyless: RFC 9110 section 6.4.1.
func bodyless(method string, status int) bool {
	return method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified
}
