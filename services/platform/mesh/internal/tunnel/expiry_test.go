package tunnel_test

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/meshtest"
	"redoubt.example/services/platform/mesh/internal/tunnel"
	"redoubt.example/services/platform/mesh/internal/unixsock"
	"redoubt.example/services/platform/mesh/spiffe"
)

// shortLived is a service whose leaf ends in two or three seconds: certificates count in whole ones.
func (r *rig) shortLived(t *testing.T, service string) (id *identity.Identity, end time.Time) {
	t.Helper()
	end = time.Now().Add(3 * time.Second).Truncate(time.Second)
	leaf := r.ca.Leaf(t, service, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = end.Add(-4*time.Second), end })
	return &identity.Identity{ID: meshtest.ID(service), Leaf: leaf, Roots: r.ca.Pool}, end
}

// Whatever a stream does, it ends with the first of the two certificates.
func TestBusyStreamEndsWithItsCertificate(t *testing.T) {
	for name, whose := range map[string]func(*rig) *identity.Store{
		"the caller's":   func(r *rig) *identity.Store { return &r.peer },
		"the upstream's": func(r *rig) *identity.Store { return &r.own },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(_ spiffe.ID, c *unixsock.Conn) { _, _ = io.Copy(io.Discard, c) }) // never answers
			service := whose(r).Current().ID.Service
			id, end := r.shortLived(t, service)
			whose(r).Set(id)
			c := r.dial(t)
			_, err := io.WriteString(c, "a long request")
			require.NoError(t, err)
			_, err = c.Read(make([]byte, 1))
			require.Error(t, err)
			require.WithinDuration(t, end, time.Now(), 2*time.Second) // and not its own end, 10 s after the dial
			require.False(t, exchange(t, r), "nor does another begin, with a session resumed or not")
			for r.log.Denied(t, controls.MeshMTLS)["reason"] != "certificate expired or not yet valid" { // the other end may have a word on it, too
			}
		})
	}
}

// A client that keeps its connections and sends one request after the other sees no error when their
// certificate ends, and goes on with the next one; whether it does so without a break or now and then.
func TestRequestsOutliveTheCertificate(t *testing.T) {
	unix := func(r *rig) (net.Conn, error) { return net.Dial("unix", r.upstream) }
	direct := func(r *rig) (net.Conn, error) { return tunnel.DialDirect(t.Context(), r.client, r.out, "payments") }
	for name, c := range map[string]struct {
		dial  func(*rig) (net.Conn, error)
		every time.Duration
	}{
		"busy": {unix, 0}, "now and then": {unix, 100 * time.Millisecond},
		"busy, in the app itself": {direct, 0}, "now and then, in the app itself": {direct, 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, serveHTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })))
			id, end := r.shortLived(t, "gateway")
			r.peer.Set(id)
			transport := &http.Transport{MaxConnsPerHost: 1, DialContext: func(context.Context, string, string) (net.Conn, error) { return c.dial(r) }}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
			post := func() error {
				resp, err := client.Post("http://payments/", "text/plain", nil)
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				_, err = io.Copy(io.Discard, resp.Body)
				return err
			}
			require.NoError(t, post())
			time.AfterFunc(time.Until(end)-800*time.Millisecond, func() { r.peer.Set(r.ca.Identity(t, "gateway")) }) // renewed in time
			for time.Until(end) > -300*time.Millisecond {
				require.NoError(t, post(), "%v before its end", time.Until(end))
				time.Sleep(c.every)
			}
			require.NoError(t, post(), "after its end, even if this test got no processor before")
			require.Greater(t, r.reached.Load(), int64(1), "one connection before, another after")
		})
	}
}

// serveHTTP is an app that serves one connection.
func serveHTTP(h http.Handler) func(spiffe.ID, *unixsock.Conn) {
	return func(_ spiffe.ID, c *unixsock.Conn) {
		ln := &oneConn{conn: c, closed: make(chan struct{})}
		server := &http.Server{Handler: h, ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed {
				close(ln.closed)
			}
		}}
		_ = server.Serve(ln)
	}
}

// oneConn is a listener that gives one connection, and ends with it.
type oneConn struct {
	conn   net.Conn
	given  bool
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if !l.given {
		l.given = true
		return l.conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return l.conn.LocalAddr() }
