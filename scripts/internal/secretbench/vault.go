// Package secretbench measures what secrets cost: Vault's operations as a workload does them, and what a rotation
// does to requests in flight.
package secretbench

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"redoubt.example/loadtest/bench"
)

// Row is one operation's latency, in microseconds.
type Row struct {
	Name    string  `json:"name"`
	Samples int     `json:"samples"`
	P50     float64 `json:"p50_us"`
	P99     float64 `json:"p99_us"`
}

// Workload is as whom Vault is asked: one with a database and a transit key.
type Workload struct {
	Vault   string // https://host:port
	CAFile  string
	JWTFile string // its identity document; this takes the right to open it
	Name    string
}

type client struct {
	http  *http.Client
	base  string
	token string
}

// Operations measures each of Vault's operations so many times, one after the other, over one kept connection. All
// that is leased is revoked at the end, with the token.
func (w Workload) Operations(ctx context.Context, samples int) (rows []Row, err error) {
	c, err := newClient(w.Vault, w.CAFile)
	if err != nil {
		return nil, err
	}
	document, err := os.ReadFile(w.JWTFile)
	if err != nil {
		return nil, fmt.Errorf("read the identity document of %s: %w", w.Name, err)
	}
	login := map[string]any{"role": w.Name, "jwt": strings.TrimSpace(string(document))}
	var auth struct {
		Auth struct {
			Token string `json:"client_token"`
		}
	}
	var sealed struct{ Data struct{ Ciphertext string } }
	steps := []struct {
		name string
		do   func() error
	}{
		{"login", func() error {
			if c.token != "" {
				if err := c.call(ctx, "auth/token/revoke-self", nil, nil); err != nil {
					return err
				}
				c.token = ""
			}
			return nil
		}},
		{"renewal", func() error { return c.call(ctx, "auth/token/renew-self", map[string]any{}, nil) }},
		// What sealing a record asks of Vault: a data key, in clear and encrypted.
		{"transit encrypt (data key)", func() error {
			return c.call(ctx, "transit/datakey/plaintext/"+w.Name, map[string]any{"bits": 256}, &sealed)
		}},
		{"transit decrypt (data key)", func() error {
			return c.call(ctx, "transit/decrypt/"+w.Name, map[string]any{"ciphertext": sealed.Data.Ciphertext}, nil)
		}},
		{"lease", func() error { return c.get(ctx, "database/creds/"+w.Name) }},
	}
	defer func() {
		if c.token != "" {
			err = errors.Join(err, c.call(context.WithoutCancel(ctx), "auth/token/revoke-self", nil, nil))
		}
	}()
	for _, step := range steps {
		n := samples
		if step.name == "lease" { // each makes a role in PostgreSQL and one to drop
			n = max(samples/5, 1)
		}
		var took []time.Duration
		for range n {
			if step.name == "login" {
				if err := step.do(); err != nil { // out again, which isn't measured
					return nil, fmt.Errorf("log out: %w", err)
				}
			}
			began := time.Now()
			if step.name == "login" {
				err = c.call(ctx, "auth/jwt/login", login, &auth)
				c.token = auth.Auth.Token
			} else {
				err = step.do()
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", step.name, err)
			}
			took = append(took, time.Since(began))
		}
		rows = append(rows, rowOf(step.name, took))
	}
	return rows, nil
}

func rowOf(name string, took []time.Duration) Row {
	return Row{Name: name, Samples: len(took), P50: bench.QuantileOf(0.5, took), P99: bench.QuantileOf(0.99, took)}
}

func newClient(base, caFile string) (*client, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", caFile)
	}
	return &client{base: base, http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}, ForceAttemptHTTP2: true,
	}}}, nil
}

func (c *client) get(ctx context.Context, path string) error {
	return c.send(ctx, http.MethodGet, path, nil, nil)
}

func (c *client) call(ctx context.Context, path string, in, out any) error {
	return c.send(ctx, http.MethodPost, path, in, out)
}

func (c *client) send(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if c.token != "" {
		req.Header.Set("X-Vault-Token", c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("Vault answers %s", res.Status) // its body may quote what was sent
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}
