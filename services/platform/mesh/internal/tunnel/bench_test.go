package tunnel_test

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/mesh/internal/tunnel"
	"redoubt.example/services/platform/mesh/internal/unixsock"
	"redoubt.example/services/platform/mesh/spiffe"
)

// One request and its answer over a connection that is kept. What differs from a lab: all is one process, so that
// no process is woken; `lab bench mesh` measures that.
func BenchmarkRequest(b *testing.B) {
	for name, open := range map[string]func(*rig) (net.Conn, error){
		"direct":  func(r *rig) (net.Conn, error) { return r.straight() },
		"native":  func(r *rig) (net.Conn, error) { return tunnel.DialDirect(b.Context(), r.client, r.out, "payments") },
		"sidecar": func(r *rig) (net.Conn, error) { return net.Dial("unix", r.upstream) },
	} {
		b.Run(name, func(b *testing.B) {
			r := newRig(b, pong)
			c, err := open(r)
			require.NoError(b, err)
			defer c.Close()
			request, answer := make([]byte, 200), make([]byte, 400)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Write(request); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c, answer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// pong answers each 200 bytes with 400.
func pong(_ spiffe.ID, c *unixsock.Conn) {
	request, answer := make([]byte, 200), make([]byte, 400)
	for {
		if _, err := io.ReadFull(c, request); err != nil {
			return
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}
