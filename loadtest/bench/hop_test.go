package bench_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
)

// Three relays, real ones: a request passes those that it says, and each says what it did.
func TestRelays(t *testing.T) {
	program := filepath.Join(t.TempDir(), "relay")
	build := exec.Command("go", "build", "-o", program, "./relay")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as the lab builds
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	for name, args := range map[string][]string{
		"no address": {}, "not this machine": {"tcp:0.0.0.0:0"}, "to another machine": {"-next", "tcp:192.0.2.1:80", "tcp:127.0.0.1:0"},
		"a name": {"tcp:localhost:0"}, "no such network": {"udp:127.0.0.1:0"}, "no path": {"unix:"},
	} {
		cmd := exec.Command(program, args...)
		require.Error(t, cmd.Run(), name)
		require.Equal(t, 2, cmd.ProcessState.ExitCode(), name)
	}
	dir, err := os.MkdirTemp("", "r")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	last := "tcp:" + ln.Addr().String()
	require.NoError(t, ln.Close())
	first, second := "unix:"+filepath.Join(dir, "1"), "unix:"+filepath.Join(dir, "2")
	for _, r := range []bench.Relay{{Program: program, Address: last}, {Program: program, Address: second, Next: last}, {Program: program, Address: first, Next: second}} {
		stop, err := r.Start(t.Context())
		require.NoError(t, err)
		t.Cleanup(stop)
	}
	chain := bench.NewChain(bench.Dialer(first))
	t.Cleanup(chain.Close)
	for hops := 1; hops <= 3; hops++ {
		seen, err := chain.Request(t.Context(), bench.Way{Hops: hops})
		require.NoError(t, err)
		require.Len(t, seen.Parts, hops)
		sum := time.Duration(0)
		for part, took := range seen.Parts {
			require.Equal(t, "own", part.Control)
			require.Positive(t, took)
			sum += took
		}
		require.Less(t, sum, seen.Total)
	}
	const delay = 2 * time.Millisecond
	seen, err := chain.Request(t.Context(), bench.Way{Hops: 3, DelayAt: 2, Delay: delay})
	require.NoError(t, err)
	require.GreaterOrEqual(t, seen.Parts[bench.Part{Hop: "2", Control: "injected"}], delay)
	require.GreaterOrEqual(t, seen.Parts[bench.Part{Hop: "2", Control: "own"}], delay, "it is in the hop's own time")
	require.NotContains(t, seen.Parts, bench.Part{Hop: "3", Control: "injected"})
	_, err = chain.Request(t.Context(), bench.Way{Hops: 4})
	require.Error(t, err, "there are only three")
}
