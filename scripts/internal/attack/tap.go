package attack

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"redoubt.example/scripts/internal/tap"
)

// taps are the sockets where tokens pass as text, who connects to them, and requests that make one pass.
var taps = map[string]struct{ socket, caller, method, path, body string }{
	"ingestion":    {"app.sock", "ingestion.sidecar", http.MethodGet, "/v1/documents?limit=1", ""},
	"payments":     {"app.sock", "payments.sidecar", http.MethodGet, "/v1/account", ""},
	"notification": {"app.sock", "notification.sidecar", http.MethodPost, "/v1/documents", `{"title": "Minutes", "text": "The board agreed on Monday to publish the report."}`},
	"inference":    {"up-payments.sock", "inference", http.MethodPost, "/v1/inferences", `{"model": "langid", "input": "Guten Morgen, wie geht es Ihnen?"}`},
	"gateway":      {"up-payments.sock", "gateway", http.MethodGet, "/v1/account", ""},
}

const (
	tapWithin = 20 * time.Second
	atOnce    = 12 // requests, so that some need a new connection, unless the caller has kept very many
	bursts    = 5  // of them, before the caller's connections are broken
)

// transaction is a real transaction token of alice's that passes a service; "" where none can be seen: in mode native
// there is no socket, and modelstore gets none.
func (p *player) transaction(ctx context.Context, service string) (string, error) {
	where, ok := taps[service]
	if !ok || p.lab.Status.Mode != "sidecar" {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, tapWithin)
	defer cancel()
	t, err := tap.Open(filepath.Join(p.places.Folders[service], where.socket), p.places.Users[service].UID)
	if err != nil {
		return "", fmt.Errorf("tap %s: %w", service, err)
	}
	defer func() {
		if err := t.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "put a tapped socket back:", err)
		}
	}()
	access, err := p.lab.Token("alice")
	if err != nil {
		return "", err
	}
	client, err := p.honest()
	if err != nil {
		return "", err
	}
	defer client.CloseIdleConnections()
	for n := 1; ; n++ {
		if n == bursts { // all go by connections from before the tap. Who owns one end of them can break them
			p.restart(ctx, where.caller, tapWithin)
			if err := p.await(ctx, service); err != nil {
				return "", err
			}
		}
		var all sync.WaitGroup
		for range atOnce {
			all.Go(func() { p.request(ctx, client, access, where.method, where.path, where.body) })
		}
		all.Wait()
		if token, _ := t.Token(); token != "" {
			return token, nil
		}
		if ctx.Err() != nil {
			return "", fmt.Errorf("tap %s: no transaction token passed", service)
		}
	}
}

// honest is a client as alice has one.
func (p *player) honest() (*http.Client, error) {
	pem, err := os.ReadFile(p.lab.Status.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}}, nil
}

// request is one of an honest client's. What becomes of it is the tap's to see.
func (p *player) request(ctx context.Context, client *http.Client, access, method, path, body string) {
	req, err := http.NewRequestWithContext(ctx, method, p.lab.Status.GatewayURL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+access)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if res, err := client.Do(req); err == nil {
		res.Body.Close()
	}
}
