package main

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
	"redoubt.example/scripts/internal/meshbench/rawtcp"
)

// TestRawChain: a request goes through every hop, by system calls as the mesh makes them.
func TestRawChain(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"raw", address}) }()

	chain := bench.NewChain(func(ctx context.Context) (net.Conn, error) { return rawtcp.Dial(ctx, address) })
	defer chain.Close()
	require.Eventually(t, func() bool { return chain.Renew(t.Context()) == nil }, 10*time.Second, 10*time.Millisecond)
	for hops := 1; hops <= 5; hops++ {
		for range 20 {
			seen, err := chain.Request(t.Context(), bench.Way{Hops: hops})
			require.NoError(t, err)
			require.Len(t, seen.Parts, hops)
		}
	}
	stop()
	require.NoError(t, <-ended)
}
