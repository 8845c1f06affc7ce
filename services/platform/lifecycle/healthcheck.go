package lifecycle

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// healthcheck returns the exit code that an engine takes for a container's health: 0 when GET /readyz at the socket says
// 200, else 1, with the reason on standard error.
func healthcheck(socket string) int {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	res, err := client.Get("http://admin/readyz")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return ExitRuntime
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(res.Body, 300))
		fmt.Fprintln(os.Stderr, "not ready:", strings.Join(strings.Fields(string(why)), " "))
		return ExitRuntime
	}
	return ExitOK
}
