package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/unixhttp"
)

// Client talks to a lab's supervisor.
type Client struct{ http *http.Client }

// NewClient talks over the given socket.
func NewClient(socket string) *Client { return &Client{unixhttp.Client(socket)} }

// NewClientBy talks over connections that dial makes. It keeps them, since each may cost a process.
func NewClientBy(dial func(context.Context) (net.Conn, error)) *Client {
	return &Client{&http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}}
}

// Status asks how the lab is.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	return s, c.call(ctx, http.MethodGet, "/v1/status", nil, &s)
}

// Hold stops a component and keeps it down. It returns when nothing of it runs any more.
func (c *Client) Hold(ctx context.Context, component string) error {
	return c.call(ctx, http.MethodPost, "/v1/components/"+url.PathEscape(component)+"/stop", nil, nil)
}

// Release starts a component again. It returns when that is ready.
func (c *Client) Release(ctx context.Context, component string) error {
	return c.call(ctx, http.MethodPost, "/v1/components/"+url.PathEscape(component)+"/start", nil, nil)
}

// Token gets a demo user's access token.
func (c *Client) Token(ctx context.Context, user string, scopes []string) (string, error) {
	return c.BoundToken(ctx, user, scopes, "")
}

// BoundToken gets one that is bound to the key with a thumbprint (RFC 9449).
func (c *Client) BoundToken(ctx context.Context, user string, scopes []string, key string) (string, error) {
	var got tokenReply
	err := c.call(ctx, http.MethodPost, "/v1/token", tokenRequest{user, scopes, key}, &got)
	return got.AccessToken, err
}

// RotateLeaves has every workload get a new leaf certificate. It returns when all have theirs.
func (c *Client) RotateLeaves(ctx context.Context) (done MeshRotation, err error) {
	return done, c.call(ctx, http.MethodPost, "/v1/mesh/leaves", nil, &done)
}

// RotateMeshCA replaces the mesh's root. It returns when every workload has a leaf of the new one.
func (c *Client) RotateMeshCA(ctx context.Context) (done MeshRotation, err error) {
	return done, c.call(ctx, http.MethodPost, "/v1/mesh/ca", nil, &done)
}

// PublishPolicy has rules signed and published, and returns their revision. Services take them up by themselves.
func (c *Client) PublishPolicy(ctx context.Context, rules map[string]string) (int64, error) {
	var got policyReply
	err := c.call(ctx, http.MethodPost, "/v1/policy", policyRequest{rules}, &got)
	return got.Revision, err
}

// Down begins the shutdown.
func (c *Client) Down(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/v1/down", nil, nil)
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://lab"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask the lab's supervisor: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		var f failure
		if err := json.NewDecoder(res.Body).Decode(&f); err != nil {
			return fmt.Errorf("ask the lab's supervisor: %s", res.Status)
		}
		if f.Code == exit.Usage {
			return exit.Usagef("%s", f.Message)
		}
		return errors.New(f.Message)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(out)
}
