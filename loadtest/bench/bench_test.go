package bench_test

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
)

// serve is an echo behind a unix socket.
func serve(t *testing.T) func(context.Context) (net.Conn, error) {
	t.Helper()
	dir, err := os.MkdirTemp("", "b")
	require.NoError(t, err)
	socket := filepath.Join(dir, "echo.sock")
	ln, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := bench.EchoServer()
	go server.Serve(ln)
	t.Cleanup(func() { server.Close(); os.RemoveAll(dir) })
	return func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "unix", socket) }
}

// The harness finds nothing where there is nothing, and what was injected where something was.
// It measures for real, so a machine that others use may spoil a try; a harness that is broken
// spoils all of them.
func TestFindsWhatIsThere(t *testing.T) {
	dial := serve(t)
	const delay = 60 * time.Microsecond
	slow, truth := bench.Delayed(bench.Target{Dial: dial}, "slow", delay)
	for seed := uint64(7); ; seed++ {
		samples, err := bench.Probe{Targets: []bench.Target{
			{Name: "a", Dial: dial}, {Name: "a again", Dial: dial}, slow,
		}, For: 3 * time.Second, Seed: seed}.Run(t.Context())
		require.NoError(t, err)
		wrong := misses(samples, truth(), delay)
		if wrong == "" {
			return
		}
		t.Log(wrong)
		require.Less(t, seed, uint64(9), "three tries, none right")
	}
}

// misses says what a comparison of a with itself and with a slower one got wrong, or "".
func misses(samples []bench.Samples, injected float64, delay time.Duration) string {
	same := bench.MedianDifference(samples[1], samples[0], 0.999)
	tail := bench.QuantileDifference(0.99, samples[1], samples[0], 0.999)
	found := bench.MedianDifference(samples[2], samples[0], 0.999)
	switch {
	case !same.Contains(0):
		return fmt.Sprintf("a difference between a and a: %+v", same)
	case same.High-same.Low >= float64(delay.Microseconds()):
		return fmt.Sprintf("an interval that wide finds nothing anywhere: %+v", same)
	case !tail.Contains(0):
		return fmt.Sprintf("a difference between a and a at p99: %+v", tail)
	case found.Low <= 0 || math.Abs(found.Value-injected) > max(5, (found.High-found.Low)/2):
		return fmt.Sprintf("injected %.1f us, found %+v", injected, found)
	}
	return ""
}

func TestFailedRequestsEndTheRun(t *testing.T) {
	dial := serve(t)
	for name, bad := range map[string]func(context.Context) (net.Conn, error){
		"refused": func(context.Context) (net.Conn, error) { return net.Dial("unix", "/nowhere/at.all") },
		"cut off": func(ctx context.Context) (net.Conn, error) {
			conn, err := dial(ctx)
			if err == nil {
				err = conn.Close()
			}
			return conn, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bench.Probe{Targets: []bench.Target{{Name: "good", Dial: dial}, {Name: "bad", Dial: bad}}}.Run(t.Context())
			require.ErrorContains(t, err, "bad")
		})
	}
}

func TestProcessorTime(t *testing.T) {
	_, err := bench.ProcessorTime(1 << 23)
	require.Error(t, err)
	before, err := bench.ProcessorTime(os.Getpid())
	require.NoError(t, err)
	for began := time.Now(); time.Since(began) < 30*time.Millisecond; {
	}
	after, err := bench.ProcessorTime(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, after, before)
	require.Less(t, after-before, time.Second)
}

func TestResident(t *testing.T) {
	_, err := bench.Resident(1 << 30)
	require.Error(t, err)
	before, err := bench.Resident(os.Getpid())
	require.NoError(t, err)
	block := make([]byte, 32<<20)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	after, err := bench.Resident(os.Getpid())
	require.NoError(t, err)
	require.GreaterOrEqual(t, after-before, int64(len(block))*9/10, block[0])
	require.Less(t, after-before, int64(len(block))*4, "the race detector keeps books as large again")
}
