// Package openai uses a server that speaks OpenAI's chat completions (Ollama, vLLM, llama.cpp and others) as a model.
// What comes back is bounded in size and time, and no text of the server's reaches a caller in an error.
package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"redoubt.example/services/platform/breaker"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

const (
	// maxOutput bounds the text of one result, in bytes; maxTokens asks the server for less than that.
	maxOutput = 256 << 10
	maxTokens = 2048
	// maxResponse bounds what is read of one response, its wrapping included.
	maxResponse = 4 * maxOutput
	// idleTimeout bounds the wait for the first byte, and between two chunks of a stream. Loading a model takes a while.
	idleTimeout = 30 * time.Second
	dialTimeout = 3 * time.Second
)

// Config names the server.
type Config struct {
	// BaseURL ends before /v1: "http://127.0.0.1:11434". Beyond this machine it must be https.
	BaseURL string
	// Key is sent as a bearer token; "" sends none.
	Key     config.Secret
	Log     *slog.Logger
	Metrics *telemetry.Metrics // may be nil
	// IdleTimeout is for tests; 0 is the default.
	IdleTimeout time.Duration
}

// Client is one server. Safe for concurrent use.
type Client struct {
	endpoint string
	key      config.Secret
	http     *http.Client
	idle     time.Duration
}

// New returns a client of the server. It connects on first use.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(cfg.BaseURL)
	switch {
	case err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, &config.Error{Reason: "REDOUBT_INFERENCE_UPSTREAM is not the base URL of a server, such as http://127.0.0.1:11434"}
	case base.Scheme != "https" && !(base.Scheme == "http" && loopback(base.Hostname())):
		return nil, &config.Error{Reason: "REDOUBT_INFERENCE_UPSTREAM must be https, unless it is on this machine"}
	}
	if cfg.IdleTimeout == 0 {
		cfg.IdleTimeout = idleTimeout
	}
	transport := &http.Transport{
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       time.Minute,
		ResponseHeaderTimeout: cfg.IdleTimeout,
	}
	return &Client{
		endpoint: base.JoinPath("v1", "chat", "completions").String(), key: cfg.Key, idle: cfg.IdleTimeout,
		http: &http.Client{
			Transport: breaker.New("inference-upstream", cfg.Log, cfg.Metrics).Transport(transport),
			// A redirect would carry the key and the principal's text to wherever the server says.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

type request struct {
	Model     string    `json:"model"`
	Messages  []message `json:"messages"`
	MaxTokens int       `json:"max_tokens"`
	Stream    bool      `json:"stream"`
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// post sends one prompt. The caller closes the body.
func (c *Client) post(ctx context.Context, model, input string, stream bool) (*http.Response, error) {
	body, err := json.Marshal(request{Model: model, Messages: []message{{"user", input}}, MaxTokens: maxTokens, Stream: stream})
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "internal error")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "internal error")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "redoubt-inference")
	if stream {
		req.Header.Set("Accept", "text/event-stream")
	}
	if c.key.Reveal() != "" {
		req.Header.Set("Authorization", "Bearer "+c.key.Reveal())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, failure(ctx, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer func() { _ = resp.Body.Close() }()
		return nil, refusal(resp)
	}
	return resp, nil
}

// complete returns the whole answer to a prompt.
func (c *Client) complete(ctx context.Context, model, input string) (string, error) {
	resp, err := c.post(ctx, model, input, false)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		return "", failure(ctx, err)
	}
	var out struct {
		Choices []struct {
			Message message `json:"message"`
		} `json:"choices"`
	}
	switch {
	case len(text) > maxResponse:
		return "", tooLong()
	case json.Unmarshal(text, &out) != nil:
		return "", malformed(fmt.Errorf("%d bytes that aren't a chat completion", len(text)))
	case len(out.Choices) == 0:
		return "", malformed(fmt.Errorf("a chat completion without choices"))
	case len(out.Choices[0].Message.Content) > maxOutput:
		return "", tooLong()
	}
	return out.Choices[0].Message.Content, nil
}
