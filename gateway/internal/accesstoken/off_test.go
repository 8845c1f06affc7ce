package accesstoken_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/accesstoken"
	"redoubt.example/gateway/internal/oidctest"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
)

// TestEachCheckStandsAlone: a token that one control refuses passes without that control, and without it every other
// token is refused as before.
func TestEachCheckStandsAlone(t *testing.T) {
	past := time.Now().Add(-time.Hour).Unix()
	bad := func(t *testing.T, issuer *oidctest.Issuer) map[string]string {
		good := func() map[string]any { return issuer.Claims("alice", "documents:read") }
		return map[string]string{
			controls.EdgeSignature: unsigned(t, good()),
			controls.EdgeIssuer:    issuer.Sign(with(good(), "iss", "https://issuer.invalid")),
			controls.EdgeAudience:  issuer.Sign(with(good(), "aud", "another-api")),
			controls.EdgeExpiry:    issuer.Sign(with(good(), "exp", past)),
			controls.EdgeSubject:   issuer.Sign(with(with(good(), "username", nil), "sub", "alice")),
		}
	}
	for _, id := range []string{controls.EdgeSignature, controls.EdgeIssuer, controls.EdgeAudience, controls.EdgeExpiry, controls.EdgeSubject} {
		t.Run(id, func(t *testing.T) {
			controlstest.Off(t, func() {
				issuer := oidctest.New(t)
				v := readyVerifier(t, issuer)
				for control, raw := range bad(t, issuer) {
					token, err := v.Verify(t.Context(), raw)
					if control == id {
						require.NoError(t, err)
						require.Equal(t, "alice", token.Principal)
						continue
					}
					var refusal *accesstoken.Refusal
					require.ErrorAs(t, err, &refusal, control)
					require.Equal(t, control, refusal.Control)
				}
			}, id)
		})
	}
}

// Without the signature's check a text that has no claims at all is still nobody's.
func TestUnverifiedGarbage(t *testing.T) {
	controlstest.Off(t, func() {
		v := readyVerifier(t, oidctest.New(t))
		for _, raw := range []string{"garbage", "..", "a.b", "e30.%.", "e30." + base64.RawURLEncoding.EncodeToString([]byte("[]")) + "."} {
			_, err := v.Verify(t.Context(), raw)
			var refusal *accesstoken.Refusal
			require.ErrorAs(t, err, &refusal, raw)
		}
	}, controls.EdgeSignature)
}

// TestChecksEnterTheLedger lets a reader of a request's ledger see what each check of its token cost.
func TestChecksEnterTheLedger(t *testing.T) {
	issuer := oidctest.New(t)
	ctx, ledger := controls.WithLedger(t.Context())
	_, err := readyVerifier(t, issuer).Verify(ctx, issuer.Token("alice", "documents:read"))
	require.NoError(t, err)
	var names []string
	for _, e := range ledger.Entries() {
		names = append(names, e.Name)
	}
	require.Equal(t, []string{controls.EdgeSignature, controls.EdgeIssuer, controls.EdgeAudience, controls.EdgeExpiry, controls.EdgeSubject}, names)
}
