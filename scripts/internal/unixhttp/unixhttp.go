// Package unixhttp speaks HTTP over unix sockets: the workloads' admin sockets, and the supervisor's own.
package unixhttp

import (
	"context"
	"net"
	"net/http"
)

// Client sends every request, whatever its URL's host, to a socket. It keeps no connection open: requests are few,
// and whoever listens may have been restarted since the last.
func Client(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
}
