package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPaymentReference(t *testing.T) {
	s := serve(t)
	const path, iban = "/v1/account/payment-reference", "DE89370400440532013000"
	set := call{caller: "gateway", user: "ref-alice", scope: "account:write", method: http.MethodPut, path: path, body: `{"reference":"de89 3704 0044 0532 0130 00"}`}

	denied := set
	denied.scope = "account:read"
	s.want(http.StatusForbidden, denied)
	denied = set
	denied.caller = "notification"
	s.want(http.StatusForbidden, denied)
	for _, bad := range []string{`{"reference":""}`, `{"reference":"DE89-3704"}`, `{"reference":"DE89370400440532013000DE89370400440532013000"}`} {
		wrong := set
		wrong.body = bad
		s.want(http.StatusUnprocessableEntity, wrong)
	}

	require.Equal(t, "••••3000", s.want(http.StatusOK, set)["payment_reference"])
	read := call{caller: "gateway", user: "ref-alice", scope: "account:read", method: http.MethodGet, path: "/v1/account"}
	require.Equal(t, "••••3000", s.want(http.StatusOK, read)["payment_reference"])
	read.user = "ref-bob"
	require.NotContains(t, s.want(http.StatusOK, read), "payment_reference")

	// At rest: sealed, and not even this service's own Vault session opens it.
	var sealed string
	require.NoError(t, s.app.QueryRow(t.Context(), "SELECT sealed FROM payment_references WHERE principal = 'ref-alice'").Scan(&sealed))
	require.NotContains(t, sealed, iban[4:12])
	_, err := s.envelope.Decrypt(t.Context(), sealed, []byte("payment reference of ref-alice"))
	require.ErrorContains(t, err, "permission denied")

	// Rotated, and wrapped anew.
	version, err := s.env.RotateTransit(t.Context(), "payments")
	require.NoError(t, err)
	require.Equal(t, 2, version)
	_, err = s.store.Rewrap(t.Context(), s.envelope.Rewrap)
	require.NoError(t, err)
	require.NoError(t, s.app.QueryRow(t.Context(), "SELECT sealed FROM payment_references WHERE principal = 'ref-alice'").Scan(&sealed))
	require.Regexp(t, `^vault:v2:`, sealed)
	_, err = s.app.Exec(t.Context(), "UPDATE payment_references SET sealed = 'DE89370400440532013000'")
	require.ErrorContains(t, err, "23514", "a readable one is refused")
}
