package webhook_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/notification/internal/webhook"
)

func TestPolicy(t *testing.T) {
	lost := errors.New("connection refused")
	for _, tc := range []struct {
		attempt, rejections, status int
		err                         error
		want                        webhook.Outcome
		rejected                    bool
	}{
		{1, 0, 0, fmt.Errorf("dial: %w", webhook.ErrTarget), webhook.Failed, false},
		{1, 0, 400, nil, webhook.Retry, true},
		{3, 2, 404, nil, webhook.Failed, true},
		{7, 1, 410, nil, webhook.Retry, true},
		{1, 0, 302, nil, webhook.Retry, true}, // a redirect isn't followed
		{3, 2, 307, nil, webhook.Failed, true},
		{7, 2, 408, nil, webhook.Retry, false},
		{7, 2, 425, nil, webhook.Retry, false},
		{7, 2, 429, nil, webhook.Retry, false},
		{7, 2, 500, nil, webhook.Retry, false},
		{7, 2, 0, lost, webhook.Retry, false},
		{8, 0, 503, nil, webhook.Failed, false},
		{8, 0, 0, lost, webhook.Failed, false},
		{9, 0, 0, lost, webhook.Failed, false}, // a crash in the eighth
		{8, 2, 204, nil, webhook.Delivered, false},
		{1, 0, 200, nil, webhook.Delivered, false},
	} {
		r := webhook.DefaultPolicy.After(webhook.Delivery{Attempt: tc.attempt, Rejections: tc.rejections}, tc.status, tc.err)
		require.Equal(t, tc.want, r.Outcome, "%+v", tc)
		require.Equal(t, tc.rejected, r.Rejected, "%+v", tc)
		require.Equal(t, tc.want == webhook.Retry, r.Retry > 0, "%+v", tc)
		require.NotEmpty(t, r.Reason)
	}
}

func TestPolicyBacksOffWithJitter(t *testing.T) {
	p, seen := webhook.DefaultPolicy, map[time.Duration]bool{}
	ceiling := p.Base
	for attempt := 1; attempt < p.Attempts; attempt++ {
		for range 20 {
			d := p.After(webhook.Delivery{Attempt: attempt}, 503, nil).Retry
			require.LessOrEqual(t, d, ceiling)
			require.GreaterOrEqual(t, d, ceiling/2)
			seen[d] = true
		}
		ceiling = min(ceiling*3, p.Max)
	}
	require.Greater(t, len(seen), 100)
}
