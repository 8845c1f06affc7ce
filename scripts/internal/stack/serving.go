package stack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// probes cross the platform: each service that verifies transaction tokens is asked by one.
var probes = []struct{ method, path, body string }{
	{http.MethodGet, "/v1/account", ""},
	{http.MethodGet, "/v1/documents?limit=1", ""},
	{http.MethodGet, "/v1/inbox?limit=1", ""},
	{http.MethodPost, "/v1/inferences", `{"model": "langid", "input": "Guten Morgen, wie geht es Ihnen?"}`},
}

// AwaitServing waits until callers find every instance again, and requests cross the platform: after a restart of the
// gateway, services learn its new keys with the first token that it signs.
func (s *Stack) AwaitServing(ctx context.Context) error {
	if err := s.AwaitCatalog(ctx); err != nil {
		return fmt.Errorf("wait for the catalog: %w", err)
	}
	client, err := s.edgeClient()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	token, err := s.AccessToken(ctx, "alice", nil)
	if err != nil {
		return err
	}
	for _, p := range probes {
		for {
			err := s.probe(ctx, client, token, p.method, p.path, p.body)
			if err == nil {
				break
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return fmt.Errorf("%s %s doesn't cross the platform: %w", p.method, p.path, err)
			}
		}
	}
	return nil
}

func (s *Stack) probe(ctx context.Context, client *http.Client, token, method, path, body string) error {
	req, err := http.NewRequestWithContext(ctx, method, s.GatewayURL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(res.Body, 300))
		return fmt.Errorf("status %d: %s", res.StatusCode, bytes.TrimSpace(why))
	}
	return nil
}
