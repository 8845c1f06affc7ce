package config

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a value that prints as [redacted] wherever it is formatted, logged or encoded; in a field that isn't
// exported, whose methods fmt doesn't call, as an address.
type Secret struct{ text *string }

// NewSecret keeps a text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the value, for the one call that needs it; "" of no secret.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String implements fmt.Stringer.
func (Secret) String() string { return redacted }

// Format implements fmt.Formatter: without it, a verb that doesn't fit, such as %d, prints the value.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, for JSON, YAML and the rest.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
