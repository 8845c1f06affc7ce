package secrets_test

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/secrets"
)

// slowRelay passes connections on to Vault. While it is slow, what Vault is asked waits.
type slowRelay struct {
	addr  string
	delay atomic.Int64
}

func relayTo(t *testing.T, target string) *slowRelay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	r := &slowRelay{addr: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go r.relay(conn, target)
		}
	}()
	return r
}

func (r *slowRelay) relay(conn net.Conn, target string) {
	defer conn.Close()
	up, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer up.Close()
	go func() { defer conn.Close(); _, _ = io.Copy(conn, up) }() // who hangs up is heard by the other
	type piece struct {
		bytes []byte
		due   time.Time
	}
	pieces := make(chan piece, 1000)
	go func() { // each piece waits for itself, as calls to a slow server do, and not for those before it
		for p := range pieces {
			time.Sleep(time.Until(p.due)) // this is the slowness
			if _, err := up.Write(p.bytes); err != nil {
				return
			}
		}
	}()
	defer close(pieces)
	buffer := make([]byte, 32<<10)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		pieces <- piece{slices.Clone(buffer[:n]), time.Now().Add(time.Duration(r.delay.Load()))}
	}
}

// TestSlowVault: every call takes five seconds, for longer than a lease lasts without being replaced. Requests don't
// notice, because Vault is never asked on their way.
func TestSlowVault(t *testing.T) {
	env := controlplanetest.StartOwn(t, 30*time.Second)
	relay := relayTo(t, strings.TrimPrefix(env.VaultAddr, "https://"))
	cfg, j := configFor(env, "payments")
	cfg.Addr = "https://" + relay.addr
	v, err := secrets.Login(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { relay.delay.Store(0); _ = v.Close(context.Background()) })
	pool, err := v.Database(t.Context(), database(env, "payments", "payments"))
	require.NoError(t, err)
	defer pool.Close()

	relay.delay.Store(int64(5 * time.Second))
	tr := send(t.Context(), pool, 50)
	require.Eventually(t, func() bool { _, away := v.Degraded(); return away }, 15*time.Second, 50*time.Millisecond, "it is said")
	require.Eventually(t, func() bool { return j.count("login replaced") >= 1 }, 60*time.Second, 100*time.Millisecond, "replaced all the same")
	relay.delay.Store(0)
	require.Eventually(t, func() bool { _, away := v.Degraded(); return !away }, 20*time.Second, 50*time.Millisecond)
	tr.end()
	t.Logf("%d requests, max %s", tr.sent.Load(), tr.quantile(1))
	require.Zero(t, tr.failed.Load(), "last error: %v", tr.last)
	require.NoError(t, v.Ready())
}

func TestSealedVault(t *testing.T) {
	env := controlplanetest.StartOwn(t, 20*time.Second)
	v, j := login(t, env, "payments")
	pool, err := v.Database(t.Context(), database(env, "payments", "payments"))
	require.NoError(t, err)
	defer pool.Close()
	tr := send(t.Context(), pool, 50)
	operator, err := env.Operator(t.Context())
	require.NoError(t, err)
	_, err = operator.Logical().Write("sys/seal", nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return j.count("Vault is away") == 1 }, 10*time.Second, 10*time.Millisecond)
	env.Stop(t, controlplane.Vault)
	env.Restart(t, controlplane.Vault) // which unseals it
	require.Eventually(t, func() bool { _, away := v.Degraded(); return !away }, 10*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool { return j.count("login replaced") >= 1 }, 20*time.Second, 10*time.Millisecond)
	tr.end()
	require.Zero(t, tr.failed.Load(), "last error: %v", tr.last)
	require.Equal(t, 1, j.count("Vault is away"))
}
