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

// routes lets a request pass that is for a route, its parameters of the plain form.
func routes(x *Exchange) error {
	if x.Route == nil { // Echo's own answer: not found, another method, or OPTIONS
		if err := x.Handler()(x.Context); err != nil {
			return err
		}
		return errAnswered
	}
	if !controls.On(controls.EdgeRoutes) {
		return nil
	}
	if x.Request().URL.RawPath != "" {
		return echo.ErrNotFound // a path with an encoded character: no route of ours needs one
	}
	for _, value := range x.ParamValues() {
		if !parameter.MatchString(value) {
			return echo.ErrNotFound
		}
	}
	return nil
}

// cleanHeaders chooses the header fields that go on. With the control off they all do, but for the credential that
// was meant for us, and a client's transaction token counts as ours.
func cleanHeaders(x *Exchange) error {
	if !controls.On(controls.EdgeHeaders) {
		x.Inner = x.Request().Header.Clone()
		x.Inner.Del("Authorization")
		return nil
	}
	inner, dropped := headers.Inward(x.Request().Header)
	if len(dropped) > 0 {
		x.Note(controls.EdgeHeaders, "header fields that only services may send, removed", "headers", dropped)
	}
	x.Inner = inner
	return nil
}

// forward returns the handler that passes a request on to its upstream. The response is streamed.
func forward(to http.RoundTripper, r Route) (echo.HandlerFunc, error) {
	method, path, ok := strings.Cut(r.To, " ")
	if !ok {
		return nil, fmt.Errorf("upstream route %q has no method", r.To)
	}
	return func(c echo.Context) error {
		request, err := inward(exchangeOf(c), method, path)
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
func inward(x *Exchange, method, path string) (*http.Request, error) {
	in := x.Request()
	query, err := url.ParseQuery(in.URL.RawQuery)
	if err != nil || len(in.URL.RawQuery) > maxQuery {
		return nil, fault.New(fault.Invalid, "the query string is malformed or too long")
	}
	for i, name := range x.ParamNames() {
		value := x.ParamValues()[i]
		if plain, err := url.PathUnescape(value); err == nil && !controls.On(controls.EdgeRoutes) {
			value = plain // any spelling will do
		}
		path = strings.Replace(path, "{"+name+"}", value, 1)
	}
	out := &http.Request{
		Method: method, Header: x.Inner,
		URL: &url.URL{Scheme: "http", Path: path, RawQuery: query.Encode()},
	}
	if method != http.MethodGet && method != http.MethodDelete && len(x.Body) == 0 {
		out.Body = http.NoBody // any other empty body would go on as one of unknown length
	} else if method != http.MethodGet && method != http.MethodDelete {
		out.ContentLength = int64(len(x.Body))
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(x.Body)), nil }
		out.Body, _ = out.GetBody()
	}
	return out.WithContext(in.Context()), nil
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
