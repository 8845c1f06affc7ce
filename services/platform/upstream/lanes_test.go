package upstream_test

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/upstream"
)

// replicas is a mesh with two instances of everything: it gives its connections to them in turn, as a balancer of
// connections does.
type replicas struct {
	sockets [2]socket
	dials   atomic.Int32
}

func (r *replicas) Dial(ctx context.Context, name string) (net.Conn, error) {
	return r.sockets[r.dials.Add(1)%2].Dial(ctx, name)
}

// Requests that never overlap still reach both.
func TestLittleLoadSpreads(t *testing.T) {
	var first, second atomic.Int32
	count := func(n *atomic.Int32) http.HandlerFunc {
		return func(http.ResponseWriter, *http.Request) { n.Add(1) }
	}
	mesh := &replicas{sockets: [2]socket{newPeer(t, count(&first)).path, newPeer(t, count(&second)).path}}
	c := upstream.HTTP(mesh, "payments")
	defer c.Close()
	for range 100 {
		require.NoError(t, c.Call(t.Context(), "POST", "/", nil, nil, nil))
	}
	require.GreaterOrEqual(t, first.Load(), int32(10))
	require.GreaterOrEqual(t, second.Load(), int32(10))
	require.LessOrEqual(t, mesh.dials.Load(), int32(8), "connections are kept")
}

func TestLittleLoadSpreadsOverGRPC(t *testing.T) {
	ok := failing(0, nil)
	first, second := newModel(t, ok), newModel(t, ok)
	conn, err := upstream.GRPC(&replicas{sockets: [2]socket{first.path, second.path}}, "inference")
	require.NoError(t, err)
	defer conn.Close()
	client := inferencev1.NewInferenceServiceClient(conn)
	require.Eventually(t, func() bool {
		_, err := client.Classify(t.Context(), &inferencev1.ClassifyRequest{})
		require.NoError(t, err)
		return first.calls.Load() >= 5 && second.calls.Load() >= 5
	}, 5*time.Second, time.Millisecond)
}

// One request that hangs is one request that waits: the others go elsewhere, before anybody knows why.
func TestHangingReplicaIsAvoided(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	hangs := newPeer(t, func(http.ResponseWriter, *http.Request) { <-release })
	well := newPeer(t, func(http.ResponseWriter, *http.Request) {})
	mesh := &replicas{sockets: [2]socket{hangs.path, well.path}}
	c := upstream.HTTP(mesh, "payments")
	defer c.Close()
	slow := make(chan error, 100)
	fast := 0
	for range 40 {
		done := make(chan error, 1)
		go func() { done <- c.Call(t.Context(), "POST", "/", key, nil, nil) }()
		select {
		case err := <-done:
			require.NoError(t, err)
			fast++
		case <-time.After(100 * time.Millisecond):
			go func() { slow <- <-done }()
		}
	}
	require.GreaterOrEqual(t, fast, 36)
	for range 40 - fast {
		require.NoError(t, <-slow, "repeated where somebody answers")
	}
}

// A try that timed out isn't repeated where it did: of two replicas one hangs, behind two lanes of three.
func TestHangingReplicaIsAvoidedOverGRPC(t *testing.T) {
	release := make(chan struct{})
	hangs := newModel(t, func(context.Context, int32) error { <-release; return nil })
	t.Cleanup(func() { close(release) }) // before the server stops, which waits for it
	well := newModel(t, failing(0, nil))
	for range 5 {
		conn, err := upstream.GRPC(&replicas{sockets: [2]socket{well.path, hangs.path}}, "inference", upstream.WithTimeout(500*time.Millisecond))
		require.NoError(t, err)
		client := inferencev1.NewInferenceServiceClient(conn)
		for range 10 {
			_, err := client.Classify(t.Context(), &inferencev1.ClassifyRequest{})
			require.NoError(t, err)
		}
		require.NoError(t, conn.Close())
	}
}
