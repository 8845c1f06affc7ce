package edge

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

// answerError writes every error of the API: as a problem document, with its cause in the log alone.
func answerError(err error, c echo.Context) {
	ctx := c.Request().Context()
	var routing *echo.HTTPError
	if errors.As(err, &routing) {
		controls.Record(ctx, controls.EdgeRoutes, controls.Deny, "no such route")
		err = fault.New(fault.NotFound, "no such route")
		if routing.Code == http.StatusMethodNotAllowed {
			err = fault.New(fault.MethodNotAllowed, "the resource has no such method")
		}
	}
	if fault.KindOf(err).HTTPStatus() >= http.StatusInternalServerError {
		telemetry.Log(ctx).Error("request failed", "error", err.Error())
	}
	if c.Response().Committed {
		panic(http.ErrAbortHandler) // the client must see that the response is cut, not an end that looks good
	}
	fault.WriteProblem(c.Response(), c.Request(), err)
}

func notReady(err error) error { return fault.Wrap(fault.Unavailable, err, "not ready") }
