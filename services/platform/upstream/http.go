package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"time"

	"redoubt.example/services/platform/breaker"
	"redoubt.example/services/platform/fault"
)

const (
	// idlePool is how many connections a lane keeps: all lanes together more than two cores have in flight at once,
	// so that bursts don't dial, and few enough that idle ones stay cheap (each has a twin in the sidecars).
	idlePool = 11
	// maxConns is a lane's bulkhead: beyond it, calls wait for a connection until their context ends.
	maxConns = 43
	// idleTimeout is below every server's own, so that it is us who close an idle connection: a server that
	// closes one just as we write to it costs a request that can't be repeated safely.
	idleTimeout = 60 * time.Second
	dialTimeout = time.Second
	// maxResponse bounds what Call reads of a body.
	maxResponse = 8 << 20
)

// Client calls one upstream over HTTP. Safe for concurrent use.
type Client struct {
	name      string
	transport http.RoundTripper
	pool      interface{ CloseIdleConnections() }
}

// HTTP returns a client of the named upstream. It connects on first use.
func HTTP(m Dialer, name string, opts ...Option) *Client {
	o := apply(opts)
	pool := newLanes(func() *http.Transport { return newPool(m, name, o) })
	var t http.RoundTripper = breaker.New(name, o.log, o.metrics).Transport(&calling{pool, name})
	t = &retrying{next: t, budget: newBudget(name, o.metrics)}
	t = &outgoing{next: t, upstream: name}
	return &Client{name: name, transport: t, pool: pool}
}

func newPool(m Dialer, name string, o options) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			return m.Dial(ctx, name)
		},
		MaxIdleConns:          idlePool,
		MaxIdleConnsPerHost:   idlePool,
		MaxConnsPerHost:       maxConns,
		IdleConnTimeout:       idleTimeout,
		ResponseHeaderTimeout: o.timeout,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true, // the peer is on this machine or in this rack
	}
}

// Transport returns the client as a RoundTripper for proxying and streaming. Requests go to the upstream
// whatever their URL's host says. Its errors are faults; a response of 400 and above is a response. It follows
// no redirects. The caller closes the body.
func (c *Client) Transport() http.RoundTripper { return c.transport }

// Close closes the idle connections.
func (c *Client) Close() { c.pool.CloseIdleConnections() }

// Call sends in as JSON (nil: no body) and decodes the response into out (nil: ignored). header may be nil;
// with Idempotency-Key set, or for GET, a call that failed on the way is tried again. path is already escaped.
// The error is a fault: the upstream's own kind and message when it answered with a problem.
func (c *Client) Call(ctx context.Context, method, path string, header http.Header, in, out any) error {
	req, err := c.request(ctx, method, path, header, in)
	if err != nil {
		return err
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer drain(resp.Body)
	if err := fault.FromResponse(resp); err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fault.New(fault.UpstreamFailed, "%s answered with an unexpected redirect", c.name)
	}
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxResponse)).Decode(out); err != nil {
		return failure(ctx, c.name, err)
	}
	return nil
}

func (c *Client) request(ctx context.Context, method, path string, header http.Header, in any) (*http.Request, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "encode request to %s", c.name)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.name+path, body)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "make request to %s", c.name)
	}
	for key, values := range header {
		req.Header[http.CanonicalHeaderKey(key)] = values
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	return req, nil
}

// drain reads what little may be left, so that the connection can be used again.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 16<<10)
	_ = body.Close()
}
