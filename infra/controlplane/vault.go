package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"time"

	vault "github.com/hashicorp/vault/api"

	"redoubt.example/infra/process"
)

func (p *Plane) vaultSpec() process.Spec {
	uid, gid := p.owner(Vault)
	return process.Spec{
		Name: Vault, Path: p.cfg.Vault, Args: []string{"server", "-config", p.path(Vault, "server.hcl")},
		Env: serverEnv(p.path(Vault)), Dir: p.path(Vault), UID: uid, GID: gid,
		Ready:      p.vaultAnswers,
		AfterReady: p.openVault,
	}
}

// newVaultClient takes nothing from the environment: a developer's VAULT_TOKEN must not get into the lab.
func (p *Plane) newVaultClient() (*vault.Client, error) {
	roots := x509.NewCertPool()
	roots.AddCert(p.ca.cert)
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13},
		MaxIdleConnsPerHost: applyAtOnce,
		IdleConnTimeout:     time.Minute,
		ForceAttemptHTTP2:   true,
	}
	cfg := &vault.Config{
		Address:    p.VaultAddr,
		HttpClient: &http.Client{Transport: transport},
		Timeout:    30 * time.Second,
		MaxRetries: -1, // who calls decides what is worth repeating
	}
	client, err := vault.NewClient(cfg)
	if err != nil {
		return nil, fmt.Errorf("make Vault client: %w", err)
	}
	client.ClearToken()
	client.ClearNamespace()
	return client, nil
}

// vaultAs returns a client with a token of its own.
func (p *Plane) vaultAs(token string) (*vault.Client, error) {
	client, err := p.vault.Clone()
	if err != nil {
		return nil, fmt.Errorf("make Vault client: %w", err)
	}
	client.ClearNamespace()
	client.SetToken(token)
	return client, nil
}

// vaultAnswers: sealed or not, it listens. openVault sees to the rest.
func (p *Plane) vaultAnswers(ctx context.Context) error {
	if _, err := p.vault.Sys().SealStatusWithContext(ctx); err != nil {
		return fmt.Errorf("ask Vault's seal status: %w", err)
	}
	return nil
}

// openVault brings a started Vault to where Consul can use it: initialised the first time, unsealed each time.
func (p *Plane) openVault(ctx context.Context) error {
	p.vaultMu.Lock()
	defer p.vaultMu.Unlock()
	root, err := p.unseal(ctx)
	if err != nil {
		return err
	}
	if p.vaultReady {
		return nil
	}
	if root != "" {
		if err := p.handOver(ctx, root); err != nil {
			return err
		}
	}
	operator, err := p.Operator(ctx)
	if err != nil {
		return err
	}
	if err := p.apply(ctx, operator, "vault/2-connect.yaml"); err != nil {
		return err
	}
	p.vaultReady = true
	return nil
}

// unseal returns the root token if it had to initialise Vault, which happens once in its life. The one unseal
// share stays in memory: a Vault that crashes is opened again, one whose lab is gone stays shut.
func (p *Plane) unseal(ctx context.Context) (root string, err error) {
	status, err := p.vault.Sys().SealStatusWithContext(ctx)
	if err != nil {
		return "", fmt.Errorf("ask Vault's seal status: %w", err)
	}
	if !status.Initialized {
		init, err := p.vault.Sys().InitWithContext(ctx, &vault.InitRequest{SecretShares: 1, SecretThreshold: 1})
		if err != nil {
			return "", fmt.Errorf("initialise Vault: %w", err)
		}
		p.unsealShare, root = init.KeysB64[0], init.RootToken
	}
	if p.unsealShare == "" {
		return "", errors.New("unseal Vault: its share went with the process that initialised it; start a new lab")
	}
	if !status.Initialized || status.Sealed {
		if _, err := p.vault.Sys().UnsealWithContext(ctx, p.unsealShare); err != nil {
			return "", fmt.Errorf("unseal Vault: %w", err)
		}
	}
	return root, retry(ctx, func() error {
		health, err := p.vault.Sys().HealthWithContext(ctx)
		if err == nil && (health.Sealed || health.Standby) {
			err = errors.New("sealed or on standby")
		}
		if err != nil {
			return fmt.Errorf("wait for Vault to be active: %w", err)
		}
		return nil
	})
}

// Format prints where the control plane is, whatever the verb: Vault's unseal share is in it.
func (p *Plane) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "control plane in %s", p.cfg.Dir) }

// Seal pulls the emergency brake: Vault gives nothing out, to nobody, until it is restarted, which unseals it.
func (p *Plane) Seal(ctx context.Context) error {
	operator, err := p.Operator(ctx)
	if err != nil {
		return err
	}
	if err := operator.Sys().SealWithContext(ctx); err != nil {
		return fmt.Errorf("seal Vault: %w", err)
	}
	return nil
}

// handOver uses the root token for what only it can do, shows that the operator can log in, and revokes it.
func (p *Plane) handOver(ctx context.Context, root string) error {
	asRoot, err := p.vaultAs(root)
	if err != nil {
		return err
	}
	if err := p.apply(ctx, asRoot, "vault/1-operator.yaml"); err != nil {
		return err
	}
	if _, err := p.Operator(ctx); err != nil {
		return err
	}
	if err := asRoot.Auth().Token().RevokeSelfWithContext(ctx, ""); err != nil {
		return fmt.Errorf("revoke Vault's root token: %w", err)
	}
	return nil
}

// Operator logs in to Vault as the operator. The client's token is good for five minutes and can't be renewed.
func (p *Plane) Operator(ctx context.Context) (*vault.Client, error) {
	return p.loginVault(ctx, "operator", "operator")
}

func (p *Plane) loginVault(ctx context.Context, subject, role string) (*vault.Client, error) {
	doc, err := p.issue(ctx, subject, "vault")
	if err != nil {
		return nil, err
	}
	secret, err := p.vault.Logical().WriteWithContext(ctx, "auth/jwt/login", map[string]any{"role": role, "jwt": doc})
	if err != nil {
		return nil, fmt.Errorf("log in to Vault as %s: %w", subject, err)
	}
	return p.vaultAs(secret.Auth.ClientToken)
}

// retry repeats until it succeeds; when ctx ends, the error is the last attempt's.
func retry(ctx context.Context, do func() error) error {
	pause := 5 * time.Millisecond
	for {
		err := do()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, ctx.Err())
		case <-time.After(pause):
		}
		pause = min(pause*3/2, 100*time.Millisecond)
	}
}
