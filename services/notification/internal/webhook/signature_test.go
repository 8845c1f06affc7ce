package webhook_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/notification/internal/webhook"
)

// The vector that the specification's own libraries test against.
const vectorSecret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func TestSignatureOfTheSpecification(t *testing.T) {
	secret, err := webhook.ParseSecret(vectorSecret)
	require.NoError(t, err)
	at, body := time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`)
	h := secret.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, body)
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", h.Signature)
	require.NoError(t, secret.Verify(h, body, at))
}

func TestVerifyRefuses(t *testing.T) {
	secret, now, body := webhook.NewSecret(), time.Unix(1_700_000_000, 0), []byte(`{"type":"a"}`)
	for name, spoil := range map[string]struct {
		change func(*webhook.Headers)
		body   string
		now    time.Duration
		want   error
	}{
		"unsigned":           {change: func(h *webhook.Headers) { h.Signature = "" }, want: webhook.ErrUnsigned},
		"no ID":              {change: func(h *webhook.Headers) { h.ID = "" }, want: webhook.ErrUnsigned},
		"no timestamp":       {change: func(h *webhook.Headers) { h.Timestamp = "" }, want: webhook.ErrUnsigned},
		"another ID":         {change: func(h *webhook.Headers) { h.ID = "msg_2" }, want: webhook.ErrSignature},
		"another time":       {change: func(h *webhook.Headers) { h.Timestamp = "1700000001" }, want: webhook.ErrSignature},
		"another spelling":   {change: func(h *webhook.Headers) { h.Timestamp = "01700000000" }, want: webhook.ErrUnsigned},
		"a negative time":    {change: func(h *webhook.Headers) { h.Timestamp = "-1" }, want: webhook.ErrUnsigned},
		"ID with a dot":      {change: func(h *webhook.Headers) { h.ID = "msg_1.17" }, want: webhook.ErrUnsigned},
		"another version":    {change: func(h *webhook.Headers) { h.Signature = "v2" + h.Signature[2:] }, want: webhook.ErrUnsigned},
		"a shorter sum":      {change: func(h *webhook.Headers) { h.Signature = "v1,AAAA" }, want: webhook.ErrUnsigned},
		"a sum of zeros":     {change: func(h *webhook.Headers) { h.Signature = "v1," + strings.Repeat("A", 43) + "=" }, want: webhook.ErrSignature},
		"another body":       {body: `{"type":"b"}`, want: webhook.ErrSignature},
		"too old":            {now: webhook.Tolerance + time.Second, want: webhook.ErrTooOld},
		"too far in future":  {now: -webhook.Tolerance - time.Second, want: webhook.ErrTooOld},
		"another's secret":   {change: func(h *webhook.Headers) { *h = webhook.NewSecret().Sign("msg_1", now, body) }, want: webhook.ErrSignature},
		"nine signatures":    {change: func(h *webhook.Headers) { h.Signature = strings.Repeat("v0,x ", 8) + h.Signature }, want: webhook.ErrUnsigned},
		"an endless header":  {change: func(h *webhook.Headers) { h.Signature += " v2," + strings.Repeat("a", 1024) }, want: webhook.ErrUnsigned},
		"a doubled space":    {change: func(h *webhook.Headers) { h.Signature = " " + h.Signature }, want: webhook.ErrUnsigned},
		"body moved into ID": {change: func(h *webhook.Headers) { h.ID, h.Timestamp = "msg_1.1700000000", "1" }, want: webhook.ErrUnsigned},
	} {
		t.Run(name, func(t *testing.T) {
			h, b := secret.Sign("msg_1", now, body), body
			if spoil.change != nil {
				spoil.change(&h)
			}
			if spoil.body != "" {
				b = []byte(spoil.body)
			}
			require.ErrorIs(t, secret.Verify(h, b, now.Add(spoil.now)), spoil.want)
		})
	}
	h := secret.Sign("msg_1", now, body)
	require.NoError(t, secret.Verify(h, body, now.Add(webhook.Tolerance)))
	h.Signature = webhook.NewSecret().Sign("msg_1", now, body).Signature + " v1a,AAAA " + h.Signature
	require.NoError(t, secret.Verify(h, body, now), "one of several, as in a rotation")
}

func TestSecretShowsNothing(t *testing.T) {
	secret := webhook.NewSecret()
	key := strings.TrimPrefix(secret.Reveal(), "whsec_")
	raw, err := base64.StdEncoding.DecodeString(key)
	require.NoError(t, err)
	require.Len(t, raw, 32)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", secret, "in", struct{ S webhook.Secret }{secret})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", secret)
	encoded, err := json.Marshal(map[string]any{"secret": secret})
	require.NoError(t, err)
	out := log.String() + string(encoded)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		out += fmt.Sprintf(verb, secret) + fmt.Sprintf(verb, &secret) + fmt.Sprintf(verb, struct{ S webhook.Secret }{secret})
	}
	require.NotContains(t, out, key)
	require.NotContains(t, out, fmt.Sprintf("%x", key))
	for _, bad := range []string{"", "whsec_", key, "whsec_" + key + "!", "whsec_AAAA", "whsec_" + strings.Repeat("A", 128)} {
		_, err := webhook.ParseSecret(bad)
		require.Error(t, err, "%q", bad)
		if len(bad) > len("whsec_") {
			require.NotContains(t, err.Error(), bad)
		}
	}
}

func FuzzParseSignatures(f *testing.F) {
	now := time.Unix(1_700_000_000, 0)
	good := webhook.NewSecret().Sign("msg_1", now, nil).Signature
	for _, seed := range []string{"", " ", "v1", "v1,", ",", good, good + " " + good, "v1a,x " + good, good + "\n", "v1,====", strings.Repeat("v1,", 400)} {
		f.Add(seed)
	}
	secret := webhook.NewSecret()
	f.Fuzz(func(t *testing.T, header string) {
		sums, err := webhook.ParseSignatures(header)
		if (err == nil) != (len(sums) > 0) || len(sums) > 8 {
			t.Fatalf("%d signatures, error %v", len(sums), err)
		}
		rest := header
		for _, sum := range sums { // each was written out in the header, in the one spelling that it has
			at := strings.Index(rest, "v1,"+base64.StdEncoding.EncodeToString(sum))
			if at < 0 {
				t.Fatalf("a signature that isn't in %q", header)
			}
			rest = rest[at+3:]
		}
		if secret.Verify(webhook.Headers{ID: "msg_1", Timestamp: "1700000000", Signature: header}, nil, now) == nil {
			t.Fatal("forged")
		}
	})
}
