package httpserver_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/httpserver"
)

func TestDrain(t *testing.T) {
	h := harness(t)
	entered, release := make(chan struct{}), make(chan struct{})
	s, err := httpserver.New(h.Config, routes(map[string]echo.HandlerFunc{"GET /v1/keys": func(c echo.Context) error {
		close(entered)
		<-release
		return c.String(http.StatusOK, "finished")
	}})...)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	h.Serve(func(_ context.Context, l net.Listener) error {
		err := s.Serve(ctx, l)
		ended <- err
		return err
	})
	conn, err := h.Dial(t.Context(), "gateway")
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /v1/keys HTTP/1.1\r\nHost: payments\r\n\r\n")
	require.NoError(t, err)
	<-entered
	stop()
	require.Eventually(t, func() bool {
		_, err := h.Dial(t.Context(), "gateway")
		return err != nil
	}, time.Second, time.Millisecond, "no new connections")
	close(release)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "finished", string(body))
	require.NoError(t, <-ended)
}
