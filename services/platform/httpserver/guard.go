package httpserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"

	"github.com/labstack/echo/v4"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/boundary"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

// guard returns the handler of a route with everything that comes before and after it.
func (s *Server) guard(route Route) echo.HandlerFunc {
	if route.MaxBody == 0 {
		route.MaxBody = boundary.MaxBody
	}
	return func(c echo.Context) error {
		r := c.Request()
		header := boundary.Header(r.Header.Values)
		ctx, request := s.boundary.Enter(r.Context(), header)
		ctx, cancel := context.WithTimeout(ctx, boundary.RequestTimeout)
		defer cancel()
		c.Response().Header().Set(telemetry.RequestIDHeader, telemetry.RequestID(ctx))
		r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, route.MaxBody)
		c.SetRequest(r.WithContext(ctx))

		timed := func() {}
		err := recovered(ctx, func() (err error) {
			ctx, err = request.Admit(ctx, route.Route, header)
			if authn.WantsTiming(ctx) {
				timed = Timing(c, func() string { return request.Timing(ctx) })
			}
			if err != nil {
				return err
			}
			if err = parameters(c); err != nil {
				return err
			}
			c.SetRequest(r.WithContext(ctx))
			defer controls.Begin(ctx, controls.Application).End()
			return route.Handle(c)
		})
		finish(ctx, c, request, typed(err))
		timed()
		return nil
	}
}

// parameters makes c.Param return what the caller meant: Echo leaves an escaped path as it came. An empty one
// is refused: "/v1/things/" is no thing without a name.
func parameters(c echo.Context) error {
	values := c.ParamValues()
	for i, v := range values {
		if c.Request().URL.RawPath != "" {
			decoded, err := url.PathUnescape(v)
			if err != nil {
				return fault.Wrap(fault.Invalid, err, "the path is malformed")
			}
			values[i] = decoded
		}
		if v == "" {
			return fault.New(fault.NotFound, "no such route")
		}
	}
	return nil
}

func finish(ctx context.Context, c echo.Context, request *boundary.Request, err error) {
	cut := err != nil && c.Response().Committed
	if err != nil && !cut {
		fault.WriteProblem(c.Response(), c.Request(), err)
	}
	status := c.Response().Status
	if cut {
		status = fault.KindOf(err).HTTPStatus()
	}
	request.Leave(ctx, status, err)
	if cut {
		panic(http.ErrAbortHandler) // half a response must not look like a whole one
	}
}

// recovered runs f and turns a panic into an Internal fault, logged with its stack.
func recovered(ctx context.Context, f func() error) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v == http.ErrAbortHandler {
			err = fault.New(fault.Canceled, "the handler gave the response up")
			return
		}
		telemetry.Log(ctx).ErrorContext(ctx, "panic", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		err = fault.Wrap(fault.Internal, fmt.Errorf("panic: %v", v), "internal error")
	}()
	return f()
}

// typed makes a fault of the errors that Echo and net/http return themselves.
func typed(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return fault.Wrap(fault.TooLarge, err, "the body is larger than %d bytes", tooLarge.Limit)
	}
	var he *echo.HTTPError
	if !errors.As(err, &he) {
		return err
	}
	switch he.Code {
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return fault.Wrap(fault.NotFound, err, "no such route")
	case http.StatusBadRequest, http.StatusUnsupportedMediaType:
		return fault.Wrap(fault.Invalid, err, "invalid request")
	}
	return err
}
