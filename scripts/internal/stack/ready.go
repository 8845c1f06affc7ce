package stack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"redoubt.example/scripts/internal/unixhttp"
)

// answers makes a readiness check of an admin socket: GET /readyz says 200.
func answers(socket string) func(context.Context) error {
	client := unixhttp.Client(socket)
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://admin/readyz", nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return nil
		}
		why, _ := io.ReadAll(io.LimitReader(res.Body, 300))
		return fmt.Errorf("not ready: %s", strings.Join(strings.Fields(string(why)), " "))
	}
}
