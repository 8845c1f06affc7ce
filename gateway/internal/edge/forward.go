package edge

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"redoubt.example/gateway/internal/headers"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

// maxQuery is far above what paging needs.
const maxQuery = 2 << 10

// parameter is what a path parameter may look like: every ID and name of this API. So an encoded slash, a
// dot-segment or a second spelling of the same path never gets as far as a service.
var parameter = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$`)

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// forward returns the handler that passes a request on to its upstream. The request is read whole first: it is
// small (maxBody), a slow client then occupies nothing inside, and a client that breaks off can't look to the
// circuit breaker like a failing upstream. The response is streamed.
func forward(to http.RoundTripper, r Route) (echo.HandlerFunc, error) {
	method, path, ok := strings.Cut(r.To, " ")
	if !ok {
		return nil, fmt.Errorf("upstream route %q has no method", r.To)
	}
	return func(c echo.Context) error {
		request, err := inward(c, method, path)
		if err != nil {
			return err
		}
		request.URL.Host = r.Upstream
		response, err := to.RoundTrip(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		return outward(c, response, r.Public)
	}, nil
}

// inward makes the upstream's request of the client's.
func inward(c echo.Context, method, path string) (*http.Request, error) {
	in := c.Request()
	target, err := fill(path, c)
	if err != nil {
		return nil, err
	}
	query, err := url.ParseQuery(in.URL.RawQuery)
	if err != nil || len(in.URL.RawQuery) > maxQuery {
		return nil, fault.New(fault.Invalid, "the query string is malformed or too long")
	}
	header, dropped := headers.Inward(in.Header)
	if len(dropped) > 0 {
		controls.Record(in.Context(), controls.EdgeHeaders, controls.Deny, "header fields that only services may send, removed",
			"headers", dropped, "route", c.Get(routeKey))
	}
	out := &http.Request{
		Method: method, Header: header,
		URL: &url.URL{Scheme: "http", Path: target, RawQuery: query.Encode()},
	}
	if method == http.MethodGet || method == http.MethodDelete {
		return out.WithContext(in.Context()), nil
	}
	body, err := readBody(c)
	if err != nil {
		return nil, err
	}
	out.ContentLength = int64(len(body))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	out.Body, _ = out.GetBody()
	return out.WithContext(in.Context()), nil
}

// fill puts the request's parameters into the upstream's path.
func fill(path string, c echo.Context) (string, error) {
	if c.Request().URL.RawPath != "" {
		return "", echo.ErrNotFound // a path with an encoded character: no route of ours needs one
	}
	for i, name := range c.ParamNames() {
		value := c.ParamValues()[i]
		if !parameter.MatchString(value) {
			return "", echo.ErrNotFound
		}
		path = strings.Replace(path, "{"+name+"}", value, 1)
	}
	return path, nil
}

// outward answers with the upstream's response. Where the gateway authenticated the client, a 401 from inside
// is about our own transaction token and would mislead; on a public route it is the upstream's to give.
func outward(c echo.Context, response *http.Response, public bool) error {
	status := response.StatusCode
	switch {
	case status >= 300 && status < 400 && status != http.StatusNotModified:
		return fault.New(fault.UpstreamFailed, "unexpected redirect")
	case status == http.StatusUnauthorized && !public:
		return fault.Wrap(fault.UpstreamFailed, fault.FromResponse(response), "the transaction was refused")
	case status >= 400 && !strings.HasPrefix(response.Header.Get("Content-Type"), fault.ContentType):
		return fault.FromResponse(response)
	}
	headers.Outward(c.Response().Header(), response.Header)
	if status == http.StatusUnauthorized { // RFC 9110 section 15.5.2 asks for a challenge; what a public route wants is a signature
		c.Response().Header().Set("WWW-Authenticate", `Signature realm="redoubt"`)
	}
	if response.ContentLength >= 0 && status != http.StatusNotModified {
		c.Response().Header().Set(echo.HeaderContentLength, fmt.Sprint(response.ContentLength))
	}
	c.Response().WriteHeader(status)
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	if _, err := io.CopyBuffer(struct{ io.Writer }{c.Response()}, response.Body, *buffer); err != nil {
		telemetry.Log(c.Request().Context()).Warn("response cut", "error", err.Error())
		panic(http.ErrAbortHandler)
	}
	return nil
}
