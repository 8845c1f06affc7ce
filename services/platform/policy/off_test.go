package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
	"redoubt.example/services/platform/policy"
)

// TestUncheckedBundles: without app.policy.bundle whoever can write the file makes the rules.
func TestUncheckedBundles(t *testing.T) {
	controlstest.Off(t, func() {
		p, stranger := newPublisher(t), newPublisher(t)
		decider, follower := p.follow("payments")
		p.publish(p.seal(p.bundle(nil)))
		follower.Refresh(t.Context())
		p.publish(stranger.seal(p.bundle(func(b *policy.Bundle) {
			b.Revision, b.Files["payments.rego"] = 1, "package redoubt.payments\nallow := \"open\""
		})))
		follower.Refresh(t.Context())
		require.Equal(t, int64(1), decider.Revision(), p.log.String())
		decision, err := decider.Decide(t.Context(), policy.Input{Caller: "stranger", Route: "POST /v1/transfers"})
		require.NoError(t, err)
		require.True(t, decision.Allow)
		require.NotContains(t, p.log.String(), controls.AppPolicyBundle)
	}, controls.AppPolicyBundle)
}
