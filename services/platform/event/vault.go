package event

import (
	"encoding/json"
	"strings"
	"time"
)

// vaultEntry is a line of Vault's audit log (Vault 1.21, audit device "file"), as far as an event is made of it. Vault hashes what
// is secret; nothing of that is read either.
type vaultEntry struct {
	Time    time.Time `json:"time"`
	Type    string    `json:"type"`
	Error   string    `json:"error"`
	Auth    vaultAuth `json:"auth"`
	Request struct {
		ID        string         `json:"id"`
		Operation string         `json:"operation"`
		Path      string         `json:"path"`
		Remote    string         `json:"remote_address"`
		Port      int            `json:"remote_port"`
		Data      map[string]any `json:"data"`
	} `json:"request"`
	Response struct {
		Auth vaultAuth      `json:"auth"`
		Data map[string]any `json:"data"`
	} `json:"response"`
}

type vaultAuth struct {
	DisplayName string            `json:"display_name"`
	Metadata    map[string]string `json:"metadata"`
	Policies    struct {
		Allowed bool `json:"allowed"`
	} `json:"policy_results"`
}

// FromVault makes an event of a line of Vault's audit log that is an answer; the request before it says less.
func FromVault(line []byte) (*Event, bool) {
	var l vaultEntry
	if json.Unmarshal(line, &l) != nil || l.Type != "response" || l.Time.IsZero() {
		return nil, false
	}
	refused := l.Error
	if refused == "" {
		refused = text(l.Response.Data["error"])
	}
	kind := "access"
	if refused != "" {
		kind = "denied"
	}
	e := &Event{ID: identify("vault", line), Time: l.Time, Fields: map[string]any{}}
	e.classify(Vault, vaultAction(l.Request.Operation, l.Request.Path), "iam", kind, outcome(refused == ""))
	e.set(Service, "vault")
	e.set(Reason, l.reason(refused))
	if refused != "" && l.Request.Path == login {
		e.set(Claimed, named(text(l.Request.Data["role"])))
	} else {
		e.set(Caller, l.who())
	}
	e.set("http.request.id", l.Request.ID)
	e.set("url.path", vaultPath(l.Request.Path))
	e.set("source.ip", l.Request.Remote)
	if l.Request.Port != 0 {
		e.set("source.port", l.Request.Port)
	}
	return e, true
}

// reason is why Vault refused something, in words of its own that quote nothing of what was sent. Vault also says "permission denied" to a
// caller whose policies do allow it to look a token up, when that token is still being made or has just ended: everyone who lists tokens meets it.
func (l vaultEntry) reason(text string) string {
	switch {
	case text == "":
		return ""
	case l.Auth.Policies.Allowed && l.Request.Path == "auth/token/lookup-accessor" && strings.Contains(text, "permission denied"):
		return "unknown token"
	}
	for _, known := range []string{"permission denied", "invalid audience", "invalid subject", "invalid issuer", "token is expired",
		"signature", "role could not be found", "invalid token", "missing client token", "lease not found", "Vault is sealed"} {
		if strings.Contains(text, known) {
			return known
		}
	}
	return "refused"
}

// login is where workloads log in. Who is refused there has only said who he is.
const login = "auth/jwt/login"

// who is the workload that asked; a person is "user", whoever it is.
func (l vaultEntry) who() string {
	auth := l.Auth
	if l.Response.Auth.DisplayName != "" {
		auth = l.Response.Auth
	}
	if strings.HasPrefix(auth.DisplayName, "jwt-user/") {
		return "user"
	}
	if role := auth.Metadata["role"]; role != "" {
		return named(role)
	}
	return named(strings.TrimPrefix(auth.DisplayName, "jwt-"))
}

// vaultPath is a path without the names of people and the IDs of leases.
func vaultPath(path string) string {
	parts, keep := strings.Split(path, "/"), 4
	if parts[0] == "identity" || strings.HasPrefix(path, "sys/leases/") || strings.HasPrefix(path, "auth/token/") {
		keep = 3
	}
	return strings.Join(parts[:min(keep, len(parts))], "/")
}

// vaultAction names what was done with what is worth something; anything else has Vault's own word.
func vaultAction(operation, path string) string {
	for _, a := range []struct{ prefix, action string }{
		{login, "login"}, {"database/creds/", "lease"}, {"transit/sign/", "sign"}, {"transit/encrypt/", "encrypt"},
		{"transit/decrypt/", "decrypt"}, {"transit/export/", "export"}, {"pki-edge/sign/", "certificate"}, {"connect-inter/sign/", "certificate"},
		{"identity/oidc/token/", "access-token"}, {"sys/policies/", "policy-" + operation}, {"sys/audit", "audit-" + operation},
		{"auth/jwt/role/", "role-" + operation}, {"sys/seal", "seal"},
	} {
		if strings.HasPrefix(path, a.prefix) {
			return a.action
		}
	}
	return operation
}
