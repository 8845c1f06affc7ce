package plane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"redoubt.example/services/platform/mesh/internal/connect"
	"redoubt.example/services/platform/mesh/internal/unixsock"
)

// Health is what /livez and /readyz answer on every admin socket.
type Health struct {
	OK       bool     `json:"ok"`
	ID       string   `json:"id,omitempty"`       // a data plane's SPIFFE ID, once it has a leaf certificate
	Reasons  []string `json:"reasons,omitempty"`  // why not
	Degraded []string `json:"degraded,omitempty"` // what is missing although it works
}

// AppReady asks the app's admin socket whether it can answer requests.
func AppReady(ctx context.Context, socket string) error {
	h, err := AskReady(ctx, socket)
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout() && ctx.Err() == nil:
		return fmt.Errorf("the app doesn't answer: %w", connect.ErrHangs)
	case err != nil:
		return fmt.Errorf("the app doesn't answer: %w", err)
	}
	if !h.OK {
		return fmt.Errorf("the app isn't ready: %s", strings.Join(h.Reasons, "; "))
	}
	return nil
}

// AskReady gets /readyz from the admin socket of a process of our own user.
func AskReady(ctx context.Context, socket string) (Health, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	t := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return unixsock.Dial(ctx, socket)
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://admin/readyz", nil)
	if err != nil {
		return Health{}, err
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return Health{}, err
	}
	defer resp.Body.Close()
	h := Health{OK: resp.StatusCode == http.StatusOK}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return Health{}, err
	}
	if json.Unmarshal(body, &h) != nil || h.OK != (resp.StatusCode == http.StatusOK) {
		return Health{}, errors.New("an answer that isn't a health report")
	}
	return h, nil
}
