package stack

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"redoubt.example/infra/process"
)

const (
	seed = "seed"

	administrator = "carol"
	// openingCredits is what a demo user starts with: a document costs a credit for each KiB.
	openingCredits = 1_000_000
)

// seedStep gives the demo users credits, as their administrator does it: with an access token, at the gateway. It
// is also the first request that crosses the platform, so a lab that says ready has served one.
func (s *Stack) seedStep() process.Spec {
	return process.Spec{Name: seed, Once: true, Depends: []string{catalog}, Run: s.seed}
}

func (s *Stack) seed(ctx context.Context) error {
	client, err := s.edgeClient()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	token, err := s.AccessToken(ctx, administrator, []string{"payments:credit"})
	if err != nil {
		return err
	}
	for user, scopes := range s.topology.Users {
		if !slices.Contains(scopes, "documents:write") {
			continue
		}
		if err := s.creditSoon(ctx, client, token, user); err != nil {
			return fmt.Errorf("give %s credits: %w", user, err)
		}
	}
	return nil
}

// foundWithin bounds how long a proxy may take to hear of what the catalog lists. Ours wait for it themselves; an Envoy
// answers at once that there is nobody.
const foundWithin = 20 * time.Second

func (s *Stack) creditSoon(ctx context.Context, client *http.Client, token, user string) error {
	for began := time.Now(); ; {
		err := s.credit(ctx, client, token, user)
		if err == nil || s.cfg.Mode != ModeEnvoy || time.Since(began) > foundWithin {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *Stack) credit(ctx context.Context, client *http.Client, token, user string) error {
	body, err := json.Marshal(map[string]any{"to": user, "amount": openingCredits, "memo": "opening credits"})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.GatewayURL+"/v1/transfers", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", seed+"-"+user)
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		why, _ := io.ReadAll(io.LimitReader(res.Body, 500))
		return fmt.Errorf("the gateway answered %d: %s", res.StatusCode, bytes.TrimSpace(why))
	}
	return nil
}

// edgeClient speaks to the gateway as the outside does, trusting the lab's CA alone.
func (s *Stack) edgeClient() (*http.Client, error) {
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: s.edgeName, MinVersion: tls.VersionTLS13}},
	}, nil
}
