package secrets_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/fault"
)

// traffic asks a pool at a fixed rate, each request on time whatever became of the one before.
type traffic struct {
	stop   context.CancelFunc
	done   sync.WaitGroup
	sent   atomic.Int64
	failed atomic.Int64
	mu     sync.Mutex
	last   error
	took   []time.Duration
}

func send(ctx context.Context, pool *pgxpool.Pool, perSecond int) *traffic {
	ctx, stop := context.WithCancel(ctx)
	tr := &traffic{stop: stop}
	tr.done.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				tr.done.Go(func() { tr.one(pool) })
			}
		}
	})
	return tr
}

func (tr *traffic) one(pool *pgxpool.Pool) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	began := time.Now()
	_, err := pool.Exec(ctx, "SELECT pg_sleep(0.002)")
	tr.sent.Add(1)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.took = append(tr.took, time.Since(began))
	if err != nil {
		tr.failed.Add(1)
		tr.last = err
	}
}

func (tr *traffic) end() {
	tr.stop()
	tr.done.Wait()
}

func (tr *traffic) quantile(q float64) time.Duration {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	slices.Sort(tr.took)
	return tr.took[int(q*float64(len(tr.took)-1))]
}

func TestRotationFailsNoRequest(t *testing.T) {
	env := controlplanetest.StartOwn(t, 2*time.Second)
	v, j := login(t, env, "payments")
	pool, err := v.Database(t.Context(), database(env, "payments", "payments"))
	require.NoError(t, err)
	defer pool.Close()
	// One connection stays in use all the time: its login must outlive being replaced.
	held, err := pool.Acquire(t.Context())
	require.NoError(t, err)

	tr := send(t.Context(), pool, 200)
	require.Eventually(t, func() bool { return j.count("login replaced") >= 1 }, 20*time.Second, 10*time.Millisecond)
	_, err = held.Exec(t.Context(), "SELECT 1")
	require.NoError(t, err, "in use while its login was replaced")
	held.Release()
	require.Eventually(t, func() bool { return j.count("login replaced") >= 6 }, 20*time.Second, 10*time.Millisecond)
	tr.end()
	t.Logf("%d requests over 6 rotations: p50 %s p99 %s max %s", tr.sent.Load(), tr.quantile(0.5), tr.quantile(0.99), tr.quantile(1))
	require.Zero(t, tr.failed.Load(), "last error: %v", tr.last)
	require.Zero(t, j.count("level=WARN")+j.count("level=ERROR"), j.text.String())

	// What was replaced is dropped long before anything else would see to it.
	admin := superuser(t, env, "postgres")
	require.Eventually(t, func() bool { return logins(t, admin, "payments") <= 2 }, 5*time.Second, 50*time.Millisecond)
}

func TestVaultOutage(t *testing.T) {
	env := controlplanetest.StartOwn(t, 4*time.Second)
	v, j := login(t, env, "payments")
	pool, err := v.Database(t.Context(), database(env, "payments", "payments"))
	require.NoError(t, err)
	defer pool.Close()

	env.Stop(t, controlplane.Vault)
	require.Eventually(t, func() bool { return j.count("Vault is away") == 1 }, 10*time.Second, 10*time.Millisecond)
	_, err = pool.Exec(t.Context(), "SELECT 1")
	require.NoError(t, err, "what is leased still works")
	require.NoError(t, v.Ready())

	require.Eventually(t, func() bool { return v.Ready() != nil }, 10*time.Second, 10*time.Millisecond)
	_, err = pool.Exec(t.Context(), "SELECT 1")
	require.Equal(t, fault.Unavailable, fault.KindOf(err), "past its end, closed: %v", err)

	env.Restart(t, controlplane.Vault)
	require.Eventually(t, func() bool { return v.Ready() == nil }, 15*time.Second, 10*time.Millisecond)
	_, err = pool.Exec(t.Context(), "SELECT 1")
	require.NoError(t, err, "recovered by itself")
	require.Equal(t, 1, j.count("Vault is away"), "once per outage")
	require.Equal(t, 1, j.count("Vault is back"))
}

func TestDeadTokenIsReplaced(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	v, j := login(t, env, "notification")
	pool, err := v.Database(t.Context(), database(env, "notification", "notification"))
	require.NoError(t, err)
	defer pool.Close()

	operator, err := env.Operator(t.Context())
	require.NoError(t, err)
	accessors, err := operator.Logical().List("auth/token/accessors")
	require.NoError(t, err)
	for _, accessor := range accessors.Data["keys"].([]any) {
		about, err := operator.Logical().Write("auth/token/lookup-accessor", map[string]any{"accessor": accessor})
		require.NoError(t, err)
		if about.Data["display_name"] == "jwt-notification" {
			_, err = operator.Logical().Write("auth/token/revoke-accessor", map[string]any{"accessor": accessor})
			require.NoError(t, err)
		}
	}
	// Found out at the next use; the pool gets a login of the new session.
	_, err = v.Envelope("notification").Encrypt(t.Context(), []byte("x"), nil)
	require.NoError(t, err)
	require.Equal(t, 1, j.count("logged in to Vault again"))
	require.Eventually(t, func() bool { return j.count("login replaced") == 1 }, 10*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool { _, err := pool.Exec(t.Context(), "SELECT 1"); return err == nil }, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, v.Ready())
}
