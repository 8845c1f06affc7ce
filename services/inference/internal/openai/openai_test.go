package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/inference/internal/inference"
	"redoubt.example/services/inference/internal/openai"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/fault"
)

func model(t *testing.T, handle http.HandlerFunc) openai.Model {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	client, err := openai.New(openai.Config{
		BaseURL: server.URL, Key: config.NewSecret("sk-secret"), Log: slog.New(slog.DiscardHandler), IdleTimeout: 200 * time.Millisecond,
	})
	require.NoError(t, err)
	return openai.Model{Client: client, Name: "qwen3:8b"}
}

// hang answers nothing until the client gives up.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // so that the server notices a closed connection
	<-r.Context().Done()
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, `{"error":{"message":"internal address 10.1.2.3, key sk-secret"}}`)
	}
}

func body(contentType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, text)
	}
}

func events(data ...string) http.HandlerFunc {
	return body("text/event-stream; charset=utf-8", "data: "+strings.Join(data, "\n\ndata: ")+"\n\n")
}

func piece(text string) string {
	b, _ := json.Marshal(text)
	return fmt.Sprintf(`{"choices":[{"index":0,"delta":{"content":%s}}]}`, b)
}

func collect(m openai.Model, ctx context.Context) (string, inference.Summary, error) {
	var got strings.Builder
	end, err := m.Stream(ctx, "prompt", func(c inference.Chunk) error {
		if int(c.Offset) != got.Len() {
			return fmt.Errorf("offset %d after %d bytes", c.Offset, got.Len())
		}
		got.WriteString(c.Text)
		return nil
	})
	return got.String(), end, err
}

func TestStatusesBecomeFaults(t *testing.T) {
	for code, want := range map[int]fault.Kind{
		400: fault.Unprocessable, 401: fault.UpstreamFailed, 403: fault.UpstreamFailed, 404: fault.NotFound, 413: fault.TooLarge,
		422: fault.Unprocessable, 429: fault.RateLimited, 500: fault.UpstreamFailed, 502: fault.UpstreamFailed,
		503: fault.Unavailable, 504: fault.Timeout, 302: fault.UpstreamFailed, 204: fault.UpstreamFailed,
	} {
		m := model(t, status(code, "Location", "http://127.0.0.1:1/elsewhere"))
		_, err := m.Infer(t.Context(), "prompt")
		require.Equal(t, want, fault.KindOf(err), code)
		require.NotContains(t, err.Error(), "secret", "neither caller nor log sees the server's text")
		_, _, err = collect(m, t.Context())
		require.Equal(t, want, fault.KindOf(err), code)
	}
}

func TestRateLimitSaysWhen(t *testing.T) {
	_, err := model(t, status(429, "Retry-After", "7")).Infer(t.Context(), "prompt")
	require.Equal(t, fault.RateLimited, fault.KindOf(err))
	require.Equal(t, 7*time.Second, fault.RetryDelay(err))
	_, err = model(t, status(429, "Retry-After", "99999999")).Infer(t.Context(), "prompt")
	require.LessOrEqual(t, fault.RetryDelay(err), time.Hour)
}

func TestBadCompletions(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "not JSON": "<html>", "no choices": `{"choices":[]}`,
		"cut off": `{"choices":[{"message":{"content":"half`,
		"endless": `{"choices":[{"message":{"content":"` + strings.Repeat("a", 300<<10) + `"}}]}`,
		"huge":    strings.Repeat(" ", 2<<20),
	} {
		_, err := model(t, body("application/json", text)).Infer(t.Context(), "prompt")
		require.Equal(t, fault.UpstreamFailed, fault.KindOf(err), name)
	}
}

func TestBadStreams(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"no stream":         body("application/json", `{"choices":[]}`),
		"a malformed chunk": events(piece("fine"), `{"choices":[{`),
		"an error inside":   events(piece("fine"), `{"error":{"message":"out of memory"}}`),
		"ends without done": events(piece("fine")),
		"an endless answer": events(strings.Split(strings.Repeat(piece(strings.Repeat("a", 30<<10))+"\n", 10), "\n")...),
		"an endless line":   body("text/event-stream", "data: "+strings.Repeat("a", 100<<10)),
		"breaks off": func(w http.ResponseWriter, r *http.Request) {
			events(piece("fine"))(w, r)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		_, _, err := collect(model(t, handle), t.Context())
		require.Equal(t, fault.UpstreamFailed, fault.KindOf(err), "%s: %v", name, err)
	}
}

func TestHangs(t *testing.T) {
	_, err := model(t, hang).Infer(t.Context(), "prompt")
	require.Equal(t, fault.Timeout, fault.KindOf(err))
	_, _, err = collect(model(t, hang), t.Context())
	require.Equal(t, fault.Timeout, fault.KindOf(err))
	text, _, err := collect(model(t, func(w http.ResponseWriter, r *http.Request) {
		events(piece("first"))(w, r)
		_ = http.NewResponseController(w).Flush()
		hang(w, r)
	}), t.Context())
	require.Equal(t, fault.Timeout, fault.KindOf(err), "a stream that falls silent")
	require.Equal(t, "first", text)
}

func TestCallerLeaves(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan struct{})
	m := model(t, func(w http.ResponseWriter, r *http.Request) {
		events(piece("first"))(w, r)
		_ = http.NewResponseController(w).Flush()
		hang(w, r)
		close(left)
	})
	_, err := m.Stream(ctx, "prompt", func(inference.Chunk) error { cancel(); return nil })
	require.Equal(t, fault.Canceled, fault.KindOf(err))
	<-left // the server is told, and stops computing

	gone := errors.New("connection reset")
	_, err = model(t, events(piece("first"), piece("second"), "[DONE]")).Stream(t.Context(), "prompt",
		func(inference.Chunk) error { return gone })
	require.Equal(t, gone, err)
}

func TestBreakerOpens(t *testing.T) {
	asked := 0
	m := model(t, func(w http.ResponseWriter, _ *http.Request) { asked++; w.WriteHeader(500) })
	var err error
	for range 20 {
		_, err = m.Infer(t.Context(), "prompt")
	}
	require.Equal(t, fault.BreakerOpen, fault.KindOf(err))
	require.Less(t, asked, 20)
}

func TestInfer(t *testing.T) {
	m := model(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "POST /v1/chat/completions", r.Method+" "+r.URL.Path)
		require.Equal(t, "Bearer sk-secret", r.Header.Get("Authorization"))
		var in map[string]any
		require.NoError(t, json.NewDecoder(r.Body).Decode(&in))
		require.Equal(t, "qwen3:8b", in["model"])
		require.Equal(t, false, in["stream"])
		require.Equal(t, []any{map[string]any{"role": "user", "content": "prompt"}}, in["messages"])
		require.Positive(t, in["max_tokens"])
		body("application/json", `{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"answer"},"finish_reason":"stop"}]}`)(w, r)
	})
	got, err := m.Infer(t.Context(), "prompt")
	require.NoError(t, err)
	require.Equal(t, inference.Result{Version: "qwen3:8b", Text: "answer"}, got)
}

func TestStream(t *testing.T) {
	m := model(t, func(w http.ResponseWriter, r *http.Request) {
		events(`{"choices":[{"delta":{"role":"assistant"}}]}`, piece("Hei "), piece("på deg"),
			`{"choices":[{"delta":{},"finish_reason":"stop"}]}`, `{"choices":[],"usage":{"total_tokens":3}}`, "[DONE]")(w, r)
	})
	text, end, err := collect(m, t.Context())
	require.NoError(t, err)
	require.Equal(t, "Hei på deg", text)
	require.Equal(t, inference.Summary{Version: "qwen3:8b", Output: int64(len(text))}, end)
}

func TestNewRefuses(t *testing.T) {
	for _, base := range []string{
		"", "ollama", "http://", "ftp://127.0.0.1", "http://models.example", "http://127.0.0.1.example", "http://10.0.0.1:11434",
		"https://user:password@models.example", "https://models.example?key=x", "http://localhost.example",
	} {
		_, err := openai.New(openai.Config{BaseURL: base, Log: slog.New(slog.DiscardHandler)})
		var wrong *config.Error
		require.ErrorAs(t, err, &wrong, base)
	}
	for _, base := range []string{"http://127.0.0.1:11434", "http://localhost:8000/", "http://[::1]:8000", "https://models.example/openai"} {
		_, err := openai.New(openai.Config{BaseURL: base, Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err, base)
	}
}

func TestReadKey(t *testing.T) {
	write := func(mode os.FileMode, text string) string {
		path := filepath.Join(t.TempDir(), "key")
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	for name, path := range map[string]string{
		"missing": filepath.Join(t.TempDir(), "none"), "a folder": t.TempDir(),
		"readable by the group": write(0o640, "sk-secret"), "readable by all": write(0o604, "sk-secret"),
		"empty": write(0o600, " \n"), "two lines": write(0o600, "sk-secret\nsk-other"), "huge": write(0o600, strings.Repeat("a", 5000)),
	} {
		_, err := openai.ReadKey(path)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "sk-secret", name)
	}
	key, err := openai.ReadKey(write(0o600, "sk-secret\n"))
	require.NoError(t, err)
	require.Equal(t, "sk-secret", key.Reveal())
}
