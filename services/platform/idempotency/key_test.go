package idempotency_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/idempotency"
)

func TestRefuses(t *testing.T) {
	for name, values := range map[string][]string{
		"none":             nil,
		"empty":            {""},
		"empty quoted":     {`""`},
		"one quote":        {`"`},
		"half quoted":      {`"abc`},
		"space inside":     {"a b"},
		"control":          {"a\x01"},
		"not ASCII":        {"schlüssel"},
		"two in one":       {"a,b"},
		"two headers":      {"a", "a"},
		"too long":         {strings.Repeat("k", 129)},
		"escape":           {`"a\"b"`},
		"quoted parameter": {`"a";x=1`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := idempotency.Required(http.Header{idempotency.Header: values})
			require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
		})
	}
}

func TestAccepts(t *testing.T) {
	for sent, want := range map[string]string{
		"8e03978e-40d5-43dd-bc93-6894a57f9324":   "8e03978e-40d5-43dd-bc93-6894a57f9324",
		`"8e03978e-40d5-43dd-bc93-6894a57f9324"`: "8e03978e-40d5-43dd-bc93-6894a57f9324",
		strings.Repeat("k", 128):                 strings.Repeat("k", 128),
	} {
		got, err := idempotency.Required(http.Header{idempotency.Header: {sent}})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	got, err := idempotency.Optional(http.Header{})
	require.NoError(t, err)
	require.Empty(t, got)
}
