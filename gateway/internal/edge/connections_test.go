package edge_test

import (
	"crypto/tls"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/address"
	"redoubt.example/gateway/internal/edge"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
)

// TestConnectionsOfOneAddressAreLimited: by closing, before anything is computed for them.
func TestConnectionsOfOneAddressAreLimited(t *testing.T) {
	var proxies address.Proxies
	require.NoError(t, proxies.UnmarshalText([]byte("127.0.3.0/24")))
	var log buffer
	opened := func(t *testing.T, n int, source string) (good int) {
		s := listenAs(t, strict, func(l net.Listener) net.Listener {
			return edge.LimitConnections(l, edge.Config{Limits: edge.Limits{Address: hourly(5)}, Proxies: proxies, Log: slog.New(slog.NewJSONHandler(&log, nil))})
		})
		for range n {
			dialer := &net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
			conn, err := tls.DialWithDialer(dialer, "tcp", s.address, &tls.Config{InsecureSkipVerify: true})
			if err == nil {
				good++
				require.NoError(t, conn.Close())
			}
		}
		return good
	}
	require.Equal(t, 5, opened(t, 12, "127.0.2.1"))
	require.Contains(t, log.String(), `"control":"`+controls.EdgeLimitAddress+`"`)
	require.Contains(t, log.String(), `"peer":"127.0.2.1:`)
	require.Equal(t, 12, opened(t, 12, "127.0.3.1"), "a proxy of ours")
	controlstest.Off(t, func() { require.Equal(t, 12, opened(t, 12, "127.0.2.1")) }, controls.EdgeLimitAddress)
}
