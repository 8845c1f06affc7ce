// Package envoy asks the Envoy beside an app, at its admin interface. Package agent starts one; the app's side is mode envoy of
// package mesh.
package envoy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"redoubt.example/services/platform/mesh/internal/unixsock"
	"redoubt.example/services/platform/mesh/spiffe"
)

// AdminSocket is where Envoy's admin interface is. Whoever opens it can read the leaf's key, so it is the workload's alone.
func AdminSocket(runDir string) string { return filepath.Join(runDir, "envoy.sock") }

// Certificate is the leaf that Envoy uses, as far as its admin interface tells.
type Certificate struct {
	ID       spiffe.ID
	Serial   string
	NotAfter time.Time
}

// Current asks Envoy for its leaf of a workload.
func Current(ctx context.Context, runDir, workload string) (Certificate, error) {
	var certs struct {
		Certificates []struct {
			Chain []struct {
				Serial  string                 `json:"serial_number"`
				Expires time.Time              `json:"expiration_time"`
				Names   []struct{ URI string } `json:"subject_alt_names"`
			} `json:"cert_chain"`
		}
	}
	raw, err := Ask(ctx, runDir, "/certs")
	if err != nil {
		return Certificate{}, err
	}
	if err := json.Unmarshal(raw, &certs); err != nil {
		return Certificate{}, fmt.Errorf("envoy's certificates: %w", err)
	}
	for _, c := range certs.Certificates {
		for _, cert := range c.Chain {
			for _, name := range cert.Names {
				if id, err := spiffe.Parse(name.URI); err == nil && id.Service == workload {
					return Certificate{ID: id, Serial: cert.Serial, NotAfter: cert.Expires}, nil
				}
			}
		}
	}
	return Certificate{}, errors.New("envoy has no certificate yet")
}

// Ready tells why Envoy can't work yet; nil when it has its configuration and a certificate of the workload's.
func Ready(ctx context.Context, runDir, workload string) error {
	if _, err := Ask(ctx, runDir, "/ready"); err != nil {
		return err
	}
	_, err := Current(ctx, runDir, workload)
	return err
}

// Ask gets one page of Envoy's admin interface, as its own user alone can.
func Ask(ctx context.Context, runDir, path string) ([]byte, error) {
	t := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return unixsock.Dial(ctx, AdminSocket(runDir))
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://envoy"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("envoy doesn't answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("envoy isn't ready: it answers %s with %s", path, resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 4<<20))
}
