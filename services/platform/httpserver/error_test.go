package httpserver_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/fault"
)

func TestHandlersErrors(t *testing.T) {
	secret := errors.New("dial postgres://hunter2")
	for name, c := range map[string]struct {
		handle echo.HandlerFunc
		status int
		detail string
	}{
		"untyped": {func(echo.Context) error { return secret }, 500, ""},
		"typed":   {func(echo.Context) error { return fault.Wrap(fault.Conflict, secret, "already closed") }, 409, "already closed"},
		"panic":   {func(echo.Context) error { panic("hunter2") }, 500, ""},
		"Echo's":  {func(echo.Context) error { return echo.NewHTTPError(http.StatusBadRequest, "hunter2") }, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := harness(t)
			serve(t, h, map[string]echo.HandlerFunc{"GET /v1/keys": c.handle})
			a := send(t, h.HTTP("gateway"), "GET", "/v1/keys", "", "")
			require.Equal(t, c.status, a.StatusCode)
			require.Equal(t, c.detail, a.problem.Detail)
			require.NotContains(t, a.body, "hunter2")
			require.Eventually(t, func() bool {
				return len(h.Logged(`"msg":"request"`, fmt.Sprintf(`"status":%d`, c.status), "hunter2")) == 1
			}, time.Second, time.Millisecond, "the log has the cause")
			if name == "panic" {
				require.Len(t, h.Logged(`"msg":"panic"`, "error_test.go"), 1, "with the stack")
			}
		})
	}
}

func TestHalfAResponseIsCut(t *testing.T) {
	h := harness(t)
	serve(t, h, map[string]echo.HandlerFunc{"GET /v1/keys": func(c echo.Context) error {
		_, _ = io.WriteString(c.Response(), "half")
		c.Response().Flush()
		return errors.New("the disk went away")
	}})
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://payments/v1/keys", nil)
	require.NoError(t, err)
	resp, err := h.HTTP("gateway").Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Eventually(t, func() bool { return len(h.Logged(`"status":500`, "disk went away")) == 1 }, time.Second, time.Millisecond)
}

func TestDeadline(t *testing.T) {
	h := harness(t)
	serve(t, h, map[string]echo.HandlerFunc{"GET /v1/keys": func(c echo.Context) error {
		if _, ok := c.Request().Context().Deadline(); !ok {
			return errors.New("no deadline")
		}
		return c.NoContent(http.StatusNoContent)
	}})
	require.Equal(t, http.StatusNoContent, send(t, h.HTTP("gateway"), "GET", "/v1/keys", "", "").StatusCode)
}
