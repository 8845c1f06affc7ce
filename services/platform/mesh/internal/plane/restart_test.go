package plane_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
)

// An agent that was away for longer than the checks' TTL gives them all as critical until it hears of each: nobody hangs
// for that, and callers can still connect.
func TestConsulBackAfterTheTTL(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	payments, ingestion := start(t, env, "payments"), start(t, env, "ingestion", "payments")
	_, err := getSoon(t, ingestion.client(t), "payments")
	require.NoError(t, err)
	env.Stop(t, "consul")
	time.Sleep(7 * time.Second) // the TTL, and not a wait for something

	payments.ill.Store("busy") // so that Consul doesn't hear better of it while we look
	var saidToHang, gone atomic.Bool
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			healthy, hung, _, changed := ingestion.Instances("payments")
			saidToHang.Store(saidToHang.Load() || len(hung) > 0)
			gone.Store(gone.Load() || len(healthy) == 0)
			select {
			case <-changed:
			case <-stop:
				return
			}
		}
	}()
	env.Restart(t, "consul")
	require.Eventually(t, gone.Load, 30*time.Second, 5*time.Millisecond, "Consul doesn't list it as healthy")
	_, err = get(ingestion.client(t), "payments")
	require.NoError(t, err)
	payments.ill.Store("")
	require.Eventually(t, func() bool { healthy, _, _, _ := ingestion.Instances("payments"); return len(healthy) == 1 }, 30*time.Second, 5*time.Millisecond)
	close(stop)
	<-ended
	require.False(t, saidToHang.Load())
}
