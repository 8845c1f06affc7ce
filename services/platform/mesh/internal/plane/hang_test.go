package plane_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
)

// hangs is how an app is that doesn't even answer.
const hangs = "hangs"

// Callers are told when an instance hangs, and not when it merely isn't ready: then it may be finishing requests.
func TestCallersKnowWhatHangs(t *testing.T) {
	env := controlplanetest.Start(t)
	payments, ingestion := start(t, env, "payments"), start(t, env, "ingestion", "payments")
	seen := func(wantHealthy, wantHung int) func() bool {
		return func() bool {
			healthy, hung, _, _ := ingestion.Instances("payments")
			require.False(t, wantHung == 0 && len(hung) > 0, "said to hang")
			return len(healthy) == wantHealthy && len(hung) == wantHung
		}
	}
	require.Eventually(t, seen(1, 0), 10*time.Second, 5*time.Millisecond)
	payments.ill.Store("out of sorts")
	require.Eventually(t, seen(0, 0), 10*time.Second, 5*time.Millisecond)
	payments.ill.Store("")
	require.Eventually(t, seen(1, 0), 10*time.Second, 5*time.Millisecond)
	payments.ill.Store(hangs)
	began := time.Now()
	require.Eventually(t, seen(0, 1), 20*time.Second, 5*time.Millisecond)
	t.Logf("known after %v", time.Since(began))
	payments.ill.Store("")
	require.Eventually(t, func() bool { h, hung, _, _ := ingestion.Instances("payments"); return len(h) == 1 && len(hung) == 0 }, 10*time.Second, 5*time.Millisecond)
}
