package control

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"redoubt.example/scripts/internal/exit"
)

// Secret is something that opens or proves something, and who holds it: never what it says.
type Secret struct {
	Kind     string     `json:"kind"`
	Holder   string     `json:"holder"`
	Instance string     `json:"instance,omitempty"` // which of the holder's processes
	ID       string     `json:"id"`                 // what revokes it, where it can be revoked; otherwise what it is
	Began    *time.Time `json:"began,omitempty"`
	Expires  *time.Time `json:"expires,omitempty"` // none: until it is revoked or rotated
}

// SecurityEvent is one answer of Vault's to somebody: who read which secret when.
type SecurityEvent struct {
	Time      time.Time `json:"time"`
	Who       string    `json:"who"`
	SPIFFE    string    `json:"spiffe_id,omitempty"`
	Instance  string    `json:"instance,omitempty"`
	Action    string    `json:"action"`
	Path      string    `json:"path"`
	Allowed   bool      `json:"allowed"`
	Reason    string    `json:"reason,omitempty"`
	Lease     string    `json:"lease,omitempty"`
	Remote    string    `json:"remote,omitempty"`
	RequestID string    `json:"request_id"`
}

// Rotated is one thing that was rotated.
type Rotated struct {
	What   string `json:"what"`
	Holder string `json:"holder"`
	Done   string `json:"done"`
}

// APIKey is a machine client's key as it is listed. Key itself is there once, when it is issued.
type APIKey struct {
	Prefix    string    `json:"prefix"`
	Name      string    `json:"name,omitempty"`
	Principal string    `json:"principal"`
	Scopes    []string  `json:"scopes"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
	Key       string    `json:"key,omitempty"`
}

// APIKeyRequest asks for a key.
type APIKeyRequest struct {
	Name   string        `json:"name"`
	User   string        `json:"user"`
	Scopes []string      `json:"scopes"`
	TTL    time.Duration `json:"ttl"`
}

// Logins is what to rotate where services are to have new logins to their databases, and nothing else changes.
const Logins = "logins"

// SecretKeeper is a Lab that also looks after secrets.
type SecretKeeper interface {
	Secrets(ctx context.Context) ([]Secret, error)
	Audit(ctx context.Context, since time.Time) ([]SecurityEvent, error)
	// Rotate rotates "db", "transit" or "token-key": of one service or key, or of all when name is "".
	Rotate(ctx context.Context, what, name string) ([]Rotated, error)
	// Revoke ends a "lease", "token", "key" or "service"; "vault" is sealed.
	Revoke(ctx context.Context, what, id string) error
	IssueAPIKey(ctx context.Context, ask APIKeyRequest) (APIKey, error)
	APIKeys(ctx context.Context) ([]APIKey, error)
}

// Secrets lists what is given out.
func (c *Client) Secrets(ctx context.Context) (all []Secret, err error) {
	return all, c.call(ctx, http.MethodGet, "/v1/secrets", nil, &all)
}

// Audit reads who asked Vault for what since then.
func (c *Client) Audit(ctx context.Context, since time.Time) (all []SecurityEvent, err error) {
	return all, c.call(ctx, http.MethodGet, "/v1/secrets/audit?since="+url.QueryEscape(since.UTC().Format(time.RFC3339Nano)), nil, &all)
}

type secretRequest struct {
	What string `json:"what"`
	Name string `json:"name"`
}

// Rotate is SecretKeeper's.
func (c *Client) Rotate(ctx context.Context, what, name string) (done []Rotated, err error) {
	return done, c.call(ctx, http.MethodPost, "/v1/secrets/rotate", secretRequest{what, name}, &done)
}

// Revoke is SecretKeeper's.
func (c *Client) Revoke(ctx context.Context, what, id string) error {
	return c.call(ctx, http.MethodPost, "/v1/secrets/revoke", secretRequest{what, id}, nil)
}

// IssueAPIKey is SecretKeeper's.
func (c *Client) IssueAPIKey(ctx context.Context, ask APIKeyRequest) (key APIKey, err error) {
	return key, c.call(ctx, http.MethodPost, "/v1/secrets/apikeys", ask, &key)
}

// APIKeys is SecretKeeper's.
func (c *Client) APIKeys(ctx context.Context) (all []APIKey, err error) {
	return all, c.call(ctx, http.MethodGet, "/v1/secrets/apikeys", nil, &all)
}

func handleSecrets(mux *http.ServeMux, k SecretKeeper) {
	mux.HandleFunc("GET /v1/secrets", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(ctx context.Context) (any, error) { return k.Secrets(ctx) })
	})
	mux.HandleFunc("GET /v1/secrets/audit", func(w http.ResponseWriter, r *http.Request) {
		since, err := time.Parse(time.RFC3339Nano, r.URL.Query().Get("since"))
		if err != nil {
			fail(w, exit.Usagef("since: %w", err))
			return
		}
		answer(w, r, func(ctx context.Context) (any, error) { return k.Audit(ctx, since) })
	})
	mux.HandleFunc("POST /v1/secrets/rotate", withBody(func(ctx context.Context, ask secretRequest) (any, error) {
		return k.Rotate(ctx, ask.What, ask.Name)
	}))
	mux.HandleFunc("POST /v1/secrets/revoke", withBody(func(ctx context.Context, ask secretRequest) (any, error) {
		return struct{}{}, k.Revoke(ctx, ask.What, ask.Name)
	}))
	mux.HandleFunc("POST /v1/secrets/apikeys", withBody(func(ctx context.Context, ask APIKeyRequest) (any, error) {
		return k.IssueAPIKey(ctx, ask)
	}))
	mux.HandleFunc("GET /v1/secrets/apikeys", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(ctx context.Context) (any, error) { return k.APIKeys(ctx) })
	})
}

func withBody[T any](do func(context.Context, T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var ask T
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&ask); err != nil {
			fail(w, exit.Usagef("request: %w", err))
			return
		}
		answer(w, r, func(ctx context.Context) (any, error) { return do(ctx, ask) })
	}
}

func answer(w http.ResponseWriter, r *http.Request, do func(context.Context) (any, error)) {
	ctx, cancel := context.WithTimeout(r.Context(), orderTimeout)
	defer cancel()
	body, err := do(ctx)
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, http.StatusOK, body)
}
