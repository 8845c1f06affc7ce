package httpserver_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/httpserver"
)

func TestBind(t *testing.T) {
	h := harness(t)
	serve(t, h, map[string]echo.HandlerFunc{"POST /v1/things": func(c echo.Context) error {
		var in struct {
			Amount int64  `json:"amount"`
			Memo   string `json:"memo"`
		}
		if err := httpserver.Bind(c, &in, 100); err != nil {
			return err
		}
		return c.JSON(http.StatusOK, in)
	}})
	gateway := h.HTTP("gateway")
	for name, c := range map[string]struct {
		body   string
		status int
		detail string
	}{
		"nothing":       {``, 400, "the body is empty"},
		"not JSON":      {`amount=1`, 400, "the body is not JSON (at byte 1)"},
		"cut off":       {`{"amount":`, 400, "the body ends in the middle of a JSON value"},
		"unknown field": {`{"amuont":1}`, 400, `unknown field "amuont"`},
		"wrong type":    {`{"amount":"1"}`, 400, `field "amount" must not be a JSON string`},
		"out of range":  {`{"amount":9223372036854775808}`, 400, `field "amount" must not be a JSON number 9223372036854775808`},
		"wrong shape":   {`[1]`, 400, "the body must not be a JSON array"},
		"two values":    {`{"amount":1}{"amount":2}`, 400, "the body has more than one JSON value"},
		"garbage after": {`{"amount":1}]`, 400, "the body has more than one JSON value"},
		"not UTF-8":     {"{\"memo\":\"\xff\"}", 400, "the body is not UTF-8"},
		"too long":      {`{"memo":"` + strings.Repeat("x", 100) + `"}`, 413, "the body is larger than 100 bytes"},
		"fine":          {` {"amount":1} `, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := send(t, gateway, "POST", "/v1/things", h.Token("alice", "things:write"), c.body)
			require.Equal(t, c.status, a.StatusCode, a.body)
			require.Equal(t, c.detail, a.problem.Detail)
		})
	}
	a := send(t, gateway, "POST", "/v1/things", h.Token("alice", "things:write"), `{}`, "Content-Type", "text/plain")
	require.Equal(t, 200, a.StatusCode, "the first content type counts, as net/http reads it")
}
