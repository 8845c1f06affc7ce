package controlplane

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	consul "github.com/hashicorp/consul/api"
)

// SecurityEvent is one answer of Vault's, as its audit log has it: who asked for what, when, and whether it was given.
type SecurityEvent struct {
	Time      time.Time `json:"time"`
	Who       string    `json:"who"`                 // workload, job, operator or user; for a refused login, as whom
	SPIFFE    string    `json:"spiffe_id,omitempty"` // a service's
	Instance  string    `json:"instance,omitempty"`
	Action    string    `json:"action"` // login, lease, renew, revoke, encrypt, decrypt, sign, ... or Vault's own operation
	Path      string    `json:"path"`
	Allowed   bool      `json:"allowed"`
	Reason    string    `json:"reason,omitempty"` // why not
	Lease     string    `json:"lease,omitempty"`  // the lease that was given out
	Remote    string    `json:"remote,omitempty"`
	RequestID string    `json:"request_id"`
}

// entry is a line of Vault's audit log, as far as it matters. Secrets in it are hashed by Vault.
type entry struct {
	Time  time.Time `json:"time"`
	Type  string    `json:"type"`
	Error string    `json:"error"`
	Auth  struct {
		DisplayName string            `json:"display_name"`
		Metadata    map[string]string `json:"metadata"`
	} `json:"auth"`
	Request struct {
		ID        string         `json:"id"`
		Operation string         `json:"operation"`
		Path      string         `json:"path"`
		Remote    string         `json:"remote_address"`
		Port      int            `json:"remote_port"`
		Data      map[string]any `json:"data"`
	} `json:"request"`
	Response struct {
		Auth struct {
			DisplayName string            `json:"display_name"`
			Metadata    map[string]string `json:"metadata"`
		} `json:"auth"`
		Secret struct {
			LeaseID string `json:"lease_id"`
		} `json:"secret"`
		Data map[string]any `json:"data"`
	} `json:"response"`
}

// AuditLog is the file of Vault's audit log.
func (p *Plane) AuditLog() string { return p.path(Vault, "audit.log") }

// Audit reads Vault's audit log from the time given and passes on each event that the choice is for, in order.
func (p *Plane) Audit(ctx context.Context, since time.Time, pass func(SecurityEvent)) error {
	file, err := os.Open(p.AuditLog())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read Vault's audit log: %w", err)
	}
	defer file.Close()
	domain, err := p.trustDomain(ctx)
	if err != nil {
		domain = "" // Consul is away: names must do
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 64<<10), 4<<20)
	for lines.Scan() && ctx.Err() == nil {
		var e entry
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Type != "response" || e.Time.Before(since) {
			continue // a half-written last line, or the request of which the answer comes below
		}
		pass(p.event(e, domain))
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read Vault's audit log: %w", err)
	}
	return ctx.Err()
}

func (p *Plane) event(e entry, domain string) SecurityEvent {
	auth := e.Auth
	if e.Response.Auth.DisplayName != "" { // of a login: who it made of the caller
		auth = e.Response.Auth
	}
	who := auth.Metadata["role"]
	if who == "" {
		who = strings.TrimPrefix(auth.DisplayName, "jwt-")
	}
	reason := e.Error
	if why := text(e.Response.Data["error"]); reason == "" && why != "" {
		reason = why
	}
	if e.Request.Path == "auth/jwt/login" {
		who = text(e.Request.Data["role"])
	}
	if user, ok := strings.CutPrefix(auth.DisplayName, "jwt-user/"); ok {
		who = "user " + user
	}
	ev := SecurityEvent{
		Time: e.Time, Who: who, Instance: auth.Metadata["instance"], Action: action(e.Request.Operation, e.Request.Path), Path: e.Request.Path,
		Allowed: reason == "", Reason: strings.Join(strings.Fields(reason), " "), Lease: e.Response.Secret.LeaseID,
		Remote: fmt.Sprintf("%s:%d", e.Request.Remote, e.Request.Port), RequestID: e.Request.ID,
	}
	if p.cfg.Topology.Services[who] != nil && domain != "" {
		ev.SPIFFE = "spiffe://" + domain + "/ns/default/dc/dc1/svc/" + who
	}
	return ev
}

// action names what people look for; anything else keeps Vault's own word.
func action(operation, path string) string {
	for prefix, name := range map[string]string{
		"auth/jwt/login": "login", "auth/token/renew-self": "renew", "auth/token/revoke": "revoke", "sys/leases/revoke": "revoke",
		"database/creds/": "lease", "database/rotate-root/": "rotate", "transit/encrypt/": "encrypt", "transit/decrypt/": "decrypt",
		"transit/datakey/": "data key", "transit/rewrap/": "rewrap", "transit/sign/": "sign", "transit/hmac/": "hmac",
		"pki-edge/sign/": "certificate", "identity/oidc/token/": "access token",
	} {
		if strings.HasPrefix(path, prefix) {
			return name
		}
	}
	if strings.HasSuffix(path, "/rotate") {
		return "rotate"
	}
	return operation
}

// trustDomain is the mesh's, which Consul chose.
func (p *Plane) trustDomain(ctx context.Context) (string, error) {
	var domain string
	err := p.AsConsulOperator(ctx, func(c *consul.Client) error {
		roots, _, err := c.Connect().CARoots(consulRead(ctx))
		if err == nil {
			domain = roots.TrustDomain
		}
		return err
	})
	return domain, err
}
