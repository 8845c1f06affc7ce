package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync/atomic"
)

// Redacted stands in a log where a credential would.
const Redacted = "[redacted]"

// RedactionRecord is the decision record that follows a line from which a credential was taken: its attributes, of which
// package controls knows the meaning.
var RedactionRecord = []slog.Attr{
	slog.String("control", "app.redaction"), slog.String("layer", "app"), slog.String("decision", "deny"),
	slog.String("reason", "a credential was kept out of the log"),
}

var unredacted atomic.Bool

// WithoutRedaction lets every line through as it is, for the rest of the process's life: package controls calls it in an unsafe
// lab, and nobody else does.
func WithoutRedaction() { unredacted.Store(true) }

// credential is what opens something, by its look: JWTs, also without their signature, tokens of Vault's, webhooks' secrets
// (Standard Webhooks), private keys, bearer credentials (RFC 6750), and passwords in URLs (RFC 3986, section 3.2.1).
var credential = regexp.MustCompile(`eyJ[\w-]{6,}\.[\w-]+(\.[\w-]*)*|\bhv[sbr]\.[\w-]{16,}|whsec_[A-Za-z0-9+/]{12,}=*|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*|(?i:\bbearer\s+)[\w.~+/=-]{12,}|://[^/\s:@]+:[^/\s@]+@`)

// hints are in whatever credential matches: looking for them costs nanoseconds, and nearly no line has one. They stop short of
// what a scanner looks for: in a program one string follows the other, and the next may read like a token's rest.
var hints = []string{"eyJ", "hvs", "hvb", "hvr", "whsec", "PRIVATE KEY", "earer", "EARER", "@"}

// Redact returns text without what looks like a credential, for what is kept elsewhere than in a log.
func Redact(text string) string {
	clean, _ := redact(text)
	return clean
}

func redact(text string) (clean string, found bool) {
	for _, hint := range hints {
		if strings.Contains(text, hint) {
			clean = credential.ReplaceAllString(text, Redacted)
			return clean, clean != text
		}
	}
	return text, false
}

// redacting keeps credentials out of a log, whoever put them into a message or an error. It is the last resort: what writes
// a line is to write none.
type redacting struct {
	slog.Handler
	found bool // in an attribute that each line has
}

// Handle implements slog.Handler.
func (h redacting) Handle(ctx context.Context, r slog.Record) error {
	if unredacted.Load() {
		return h.Handler.Handle(ctx, r)
	}
	message, found := redact(r.Message)
	clean := slog.NewRecord(r.Time, r.Level, message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		a, had := redactAttr(a)
		clean.AddAttrs(a)
		found = found || had
		return true
	})
	if !found && !h.found {
		return h.Handler.Handle(ctx, r)
	}
	if err := h.Handler.Handle(ctx, clean); err != nil {
		return err
	}
	record := slog.NewRecord(r.Time, slog.LevelWarn, "decision", r.PC)
	record.AddAttrs(RedactionRecord...)
	return h.Handler.Handle(ctx, record)
}

func redactAttr(a slog.Attr) (slog.Attr, bool) {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		clean, found := redact(v.String())
		return slog.String(a.Key, clean), found
	case slog.KindGroup:
		var parts []any
		found := false
		for _, part := range v.Group() {
			clean, had := redactAttr(part)
			parts, found = append(parts, clean), found || had
		}
		return slog.Group(a.Key, parts...), found
	case slog.KindAny: // as JSON it would look otherwise: so as text, if it holds one
		if clean, found := redact(fmt.Sprint(v.Any())); found {
			return slog.String(a.Key, clean), true
		}
	}
	return a, false
}

// WithAttrs implements slog.Handler.
func (h redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	if unredacted.Load() {
		return redacting{h.Handler.WithAttrs(attrs), h.found}
	}
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		var had bool
		clean[i], had = redactAttr(a)
		h.found = h.found || had
	}
	return redacting{h.Handler.WithAttrs(clean), h.found}
}

// WithGroup implements slog.Handler.
func (h redacting) WithGroup(name string) slog.Handler {
	return redacting{h.Handler.WithGroup(name), h.found}
}
