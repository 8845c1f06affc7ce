package page_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
)

// lines is a log that several write to.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) has(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), `"control":"`+id+`"`)
}

// TestControls: each refuses and says so; without it what it refuses goes through, and with it again doesn't.
func TestControls(t *testing.T) {
	for id, attack := range map[string]func(t *testing.T, b *visitor) int{
		controls.InfraPageHost: func(t *testing.T, b *visitor) int {
			status, _ := b.get(t, "/static/page.js", map[string]string{"Host": "evil.example"}) // no cookie goes to another name
			return status
		},
		controls.InfraPageOrigin: func(t *testing.T, b *visitor) int {
			status, _ := b.post(t, "/api/attack", `{"id":"x"}`, map[string]string{"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site", "X-Redoubt-Csrf": "", "Content-Type": "text/plain"})
			return status
		},
		controls.InfraPageSession: func(t *testing.T, b *visitor) int {
			status, _ := newVisitor(t, b.s).get(t, "/api/secrets", nil)
			return status
		},
	} {
		var log lines
		cfg := quiet(t)
		cfg.Log = slog.New(slog.NewJSONHandler(&log, nil))
		s := start(t, cfg)
		b := opened(t, s)
		require.GreaterOrEqual(t, attack(t, b), 400, id)
		require.True(t, log.has(id), "%s leaves no record", id)
		s.SwitchOff([]string{id})
		require.Equal(t, http.StatusOK, attack(t, b), "without %s", id)
		s.SwitchOff(nil)
		require.GreaterOrEqual(t, attack(t, b), 400, id)
	}
}

// TestRecordsAreBounded: whoever reaches the port can't fill the disk.
func TestRecordsAreBounded(t *testing.T) {
	var log lines
	cfg := quiet(t)
	cfg.Log = slog.New(slog.NewJSONHandler(&log, nil))
	b := newVisitor(t, start(t, cfg))
	for range 400 {
		b.get(t, "/", nil)
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	n := strings.Count(log.text.String(), "infra.page.session")
	require.Positive(t, n)
	require.Less(t, n, 300)
}
