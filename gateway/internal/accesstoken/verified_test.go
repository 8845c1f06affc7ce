package accesstoken_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/accesstoken"
	"redoubt.example/gateway/internal/oidctest"
)

// TestWithdrawnKeyEndsItsTokens: that a token's signature was good is remembered no longer than its key is published.
func TestWithdrawnKeyEndsItsTokens(t *testing.T) {
	issuer := oidctest.New(t)
	v := readyVerifier(t, issuer)
	old := issuer.Token("alice", "documents:read")
	for range 3 {
		_, err := v.Verify(t.Context(), old)
		require.NoError(t, err)
	}
	issuer.Rotate("key-2") // and key-1 is published no more
	_, err := v.Verify(t.Context(), issuer.Token("alice", "documents:read"))
	require.NoError(t, err, "its key is unknown, so the keys are fetched")
	var refusal *accesstoken.Refusal
	_, err = v.Verify(t.Context(), old)
	require.ErrorAs(t, err, &refusal)
	require.Contains(t, refusal.Reason, "unknown key")
}

// TestKnownTokenStillExpires: of a token that was seen before, only the signature isn't asked again.
func TestKnownTokenStillExpires(t *testing.T) {
	issuer := oidctest.New(t)
	v := readyVerifier(t, issuer)
	token := func(left time.Duration) string {
		return issuer.Sign(with(issuer.Claims("alice", "documents:read"), "exp", time.Now().Add(left).Unix()))
	}
	left := -2 * time.Minute
	short := token(left)
	for ; ; left += time.Second { // past the clock skew that is forgiven, whatever that is
		if _, err := v.Verify(t.Context(), short); err == nil {
			break
		}
		require.Less(t, left, time.Minute)
		short = token(left)
	}
	require.Eventually(t, func() bool {
		_, err := v.Verify(t.Context(), short)
		return err != nil
	}, 10*time.Second, 20*time.Millisecond)
}

func TestAlteredTokenIsAnother(t *testing.T) {
	issuer := oidctest.New(t)
	v := readyVerifier(t, issuer)
	good := issuer.Token("alice", "documents:read")
	_, err := v.Verify(t.Context(), good)
	require.NoError(t, err)
	for _, altered := range []string{good + "A", good[:len(good)-2], "A" + good} {
		_, err := v.Verify(t.Context(), altered)
		require.Error(t, err)
	}
}
