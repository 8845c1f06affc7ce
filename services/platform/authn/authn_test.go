package authn_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/authn"
)

const domain = "11111111-2222-3333-4444-555555555555.consul"

var grant = authn.Grant{
	Txn: "txn-1", Subject: "alice", Scopes: []string{"documents:write", "documents:read"},
	Requester: "spiffe://" + domain + "/ns/default/dc/dc1/svc/gateway",
}

func TestMintedTokenVerifies(t *testing.T) {
	m, err := authn.NewMinter(domain)
	require.NoError(t, err)
	v := authn.NewVerifier(func(context.Context) ([]byte, error) { return m.PublicKeys() })
	raw, err := m.Mint(grant)
	require.NoError(t, err)
	for range 2 { // from the signature, then from the cache
		token, err := v.Verify(t.Context(), raw, domain)
		require.NoError(t, err)
		require.Equal(t, grant.Txn, token.Txn)
		require.Equal(t, grant.Subject, token.Subject)
		require.Equal(t, grant.Scopes, token.Scopes)
		require.Equal(t, grant.Requester, token.Requester)
		require.Equal(t, raw, token.Raw)
	}
}
