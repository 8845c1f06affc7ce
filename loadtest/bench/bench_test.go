package bench_test

import (
	"context"
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

// What the prober records of real requests: every target the same epochs and rounds, and a delay by its own clock.
// Whether it finds what is there is proved by `lab bench verify`, which measures; here the arithmetic is, on noise with
// a fixed seed.
func TestProbe(t *testing.T) {
	dial := serve(t)
	const delay = 60 * time.Microsecond
	a := bench.Target{Name: "a", Dial: dial, Processes: []int{os.Getpid()}}
	rested, slow, truth := bench.Delayed(a, delay)
	samples, err := bench.Probe{Targets: []bench.Target{a, slow, rested}, Block: 5, Rounds: 3}.Run(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, truth(), 60.0, "it lasts as long as it is said, by its own clock")
	require.Len(t, samples, 3)
	for _, s := range samples {
		require.Len(t, s.Epochs, bench.MinEpochs)
		require.Equal(t, bench.MinEpochs*3*5, s.Requests())
		require.Positive(t, s.Quantile(0))
		require.Positive(t, s.CPU()[0])
	}
	require.Greater(t, samples[1].Quantile(0), 60.0, "the delay is within the request's time")
	require.Less(t, samples[2].Quantile(0), samples[1].Quantile(0), "and outside the other's")
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
