package secrets

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	vault "github.com/hashicorp/vault/api"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// callTimeout bounds one call: a Vault that is slow is waited for, one that hangs is given up.
const callTimeout = 10 * time.Second

// newClient takes nothing from the environment: neither a proxy nor anybody's VAULT_TOKEN.
func newClient(cfg Config) (*vault.Client, error) {
	pem, err := os.ReadFile(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read CA: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read CA: no certificate in %s", cfg.CAFile)
	}
	client, err := vault.NewClient(&vault.Config{
		Address: cfg.Addr,
		Timeout: callTimeout,
		HttpClient: &http.Client{Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13},
			IdleConnTimeout:   time.Minute,
			ForceAttemptHTTP2: true,
		}},
	})
	if err != nil {
		return nil, err
	}
	client.ClearToken()
	client.ClearNamespace()
	return client, nil
}

type request func(ctx context.Context, c *vault.Client) (*vault.Secret, error)

// call makes one request with the token given, once.
func (v *Vault) call(ctx context.Context, token string, do request) (*vault.Secret, error) {
	client, err := v.http.Clone()
	if err != nil {
		return nil, err
	}
	client.ClearNamespace()
	client.SetToken(token)
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return do(ctx, client)
}

// do makes one request in the session. When Vault doesn't know the token any more, it logs in again first.
func (v *Vault) do(ctx context.Context, do request) (*vault.Secret, error) {
	defer controls.Begin(ctx, controls.Secret).End()
	token := v.current()
	secret, err := v.call(ctx, token, do)
	if !refused(err) {
		return secret, classify(ctx, err)
	}
	// A policy's refusal and a dead token's look the same: ask which it is.
	if _, alive := v.call(ctx, token, lookupSelf); !refused(alive) {
		return nil, classify(ctx, err)
	}
	if err := v.logInAgain(ctx, token); err != nil {
		return nil, err
	}
	secret, err = v.call(ctx, v.current(), do)
	return secret, classify(ctx, err)
}

func read(path string) request {
	return func(ctx context.Context, c *vault.Client) (*vault.Secret, error) {
		return c.Logical().ReadWithContext(ctx, path)
	}
}

func write(path string, data map[string]any) request {
	return func(ctx context.Context, c *vault.Client) (*vault.Secret, error) {
		return c.Logical().WriteWithContext(ctx, path, data)
	}
}

func lookupSelf(ctx context.Context, c *vault.Client) (*vault.Secret, error) {
	return c.Auth().Token().LookupSelfWithContext(ctx)
}

func refused(err error) bool { return statusOf(err) == http.StatusForbidden }

func statusOf(err error) int {
	var response *vault.ResponseError
	if errors.As(err, &response) {
		return response.StatusCode
	}
	return 0
}

// classify tells a Vault that is away (nothing answered, sealed, standby, overloaded) from one that says no, and
// from a caller who has gone.
func classify(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	switch status := statusOf(err); {
	case status == 0, status >= 500, status == http.StatusTooManyRequests:
		return fault.Wrap(fault.Unavailable, err, "secrets are not available at the moment")
	default:
		return err
	}
}
