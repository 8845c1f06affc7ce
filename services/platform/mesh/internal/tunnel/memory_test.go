package tunnel_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/mesh/internal/unixsock"
)

// A sidecar keeps 2,000 connections open in less than 100 MB. Here the process has both sidecars, the app with its
// goroutines and the app's client, so a pair's share is less than what is measured.
func TestMemoryPerConnection(t *testing.T) {
	const connections, most = 500, 2 * 45_000 // bytes each, for the pair
	r := newRig(t, hello)
	hold(t, r)
	before := inUse()
	conns := make([]*unixsock.Conn, connections)
	var opening sync.WaitGroup
	for k := range 10 {
		opening.Go(func() {
			for i := k; i < connections; i += 10 {
				conns[i] = hold(t, r)
			}
		})
	}
	opening.Wait()
	for _, c := range conns {
		require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second))) // opening them all may have taken as long
		require.NoError(t, ask(c))
	}
	each := (inUse() - before) / connections
	t.Logf("%d bytes per idle connection, in both sidecars and both apps together", each)
	require.Less(t, each, most)
}

// inUse is what the heap and the goroutines' stacks hold after a collection.
func inUse() int {
	runtime.GC()
	runtime.GC() // the second ends what pools kept over the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}
