package tunnel_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/handover"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/meshtest"
	"redoubt.example/services/platform/mesh/internal/unixsock"
	"redoubt.example/services/platform/mesh/spiffe"
)

// spoiled are certificates that neither side may accept.
func spoiled(t *testing.T, ca *meshtest.CA, service string) map[string]struct {
	cert            tls.Certificate
	control, reason string
} {
	t.Helper()
	type row = struct {
		cert            tls.Certificate
		control, reason string
	}
	uris := func(texts ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.URIs = nil
			for _, text := range texts {
				c.URIs = append(c.URIs, meshtest.URI(t, text))
			}
		}
	}
	good := meshtest.ID(service)
	elsewhere, otherDC := good, good
	elsewhere.TrustDomain, otherDC.Datacenter = "99999999-2222-3333-4444-555555555555.consul", "dc2"
	return map[string]row{
		"expired": {ca.Leaf(t, service, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) }), controls.MeshMTLS,
			"certificate expired or not yet valid"},
		"not yet valid": {ca.Leaf(t, service, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour / 2) }), controls.MeshMTLS,
			"certificate expired or not yet valid"},
		"self-signed": {meshtest.SelfSigned(t, service), controls.MeshMTLS, "certificate not signed by the mesh's CA"},
		"another CA":  {meshtest.NewCA(t).Leaf(t, service), controls.MeshMTLS, "certificate not signed by the mesh's CA"},
		"not for this use": {ca.Leaf(t, service, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} }),
			controls.MeshMTLS, "certificate not meant for this use"},
		"a CA's own certificate": {ca.Leaf(t, service, func(c *x509.Certificate) { c.IsCA = true }), controls.MeshMTLS,
			"a CA's certificate as a leaf"},
		"no URI":                {ca.Leaf(t, service, uris()), controls.MeshSPIFFE, "0 URIs in the certificate, and not exactly one"},
		"two URIs":              {ca.Leaf(t, service, uris(good.String(), elsewhere.String())), controls.MeshSPIFFE, "2 URIs in the certificate, and not exactly one"},
		"a URI of another kind": {ca.Leaf(t, service, uris("https://payments")), controls.MeshSPIFFE, "not a SPIFFE ID: the scheme isn't spiffe"},
		"name without URI":      {ca.Leaf(t, service, func(c *x509.Certificate) { c.URIs, c.DNSNames = []*url.URL{}, []string{service} }), controls.MeshSPIFFE, "0 URIs in the certificate, and not exactly one"},
		"another trust domain":  {ca.Leaf(t, service, uris(elsewhere.String())), controls.MeshSPIFFE, "another trust domain"},
		"another datacenter":    {ca.Leaf(t, service, uris(otherDC.String())), controls.MeshSPIFFE, "another datacenter"},
		"escaped characters in it": {ca.Leaf(t, service, uris("spiffe://"+meshtest.TrustDomain+"/ns/default/dc/dc1/svc/%67ateway")),
			controls.MeshSPIFFE, `SPIFFE ID with an invalid path segment "%67ateway"`},
	}
}

func TestServerRefusesCertificates(t *testing.T) {
	r := newRig(t, echo)
	for name, c := range spoiled(t, r.ca, "gateway") {
		t.Run(name, func(t *testing.T) {
			local := refusedWith(t, r, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{c.cert}})
			event := r.log.Denied(t, c.control)
			require.Equal(t, c.reason, event["reason"])
			require.Equal(t, local, event["peer"])
			require.Zero(t, r.reached.Load(), "the app was reached")
		})
	}
}

func TestServerRefusesHandshakes(t *testing.T) {
	r := newRig(t, echo)
	gateway := r.ca.Leaf(t, "gateway")
	for name, c := range map[string]struct {
		config                  *tls.Config
		control, reason, caller string
	}{
		"no certificate": {&tls.Config{}, controls.MeshMTLS, "client didn't provide a certificate", ""},
		"TLS 1.2":        {&tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{gateway}}, controls.MeshMTLS, "client offered only unsupported versions: [303]", ""},
		"no intention": {&tls.Config{Certificates: []tls.Certificate{r.ca.Leaf(t, "notification")}}, controls.MeshIntention,
			"no intention allows it", meshtest.ID("notification").String()},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.InsecureSkipVerify = true
			local := refusedWith(t, r, c.config)
			event := r.log.Denied(t, c.control)
			require.Equal(t, c.reason, event["reason"])
			require.Equal(t, c.caller, event["caller"])
			require.Equal(t, local, event["peer"])
			require.Zero(t, r.reached.Load(), "the app was reached")
		})
	}
}

// refusedWith dials payments' mesh port, sees that no byte comes back, and returns its own address.
func refusedWith(t *testing.T, r *rig, config *tls.Config) string {
	t.Helper()
	tcp, err := net.Dial("tcp", r.port)
	require.NoError(t, err)
	defer tcp.Close()
	require.NoError(t, tcp.SetDeadline(time.Now().Add(5*time.Second)))
	c := tls.Client(tcp, config)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\n\r\n") // with TLS 1.3 a client may think that it is let in
	n, err := c.Read(make([]byte, 1))
	require.Error(t, err)
	require.Zero(t, n)
	return tcp.LocalAddr().String()
}

func TestServerRefusesWhatIsNotTLS(t *testing.T) {
	r := newRig(t, echo)
	from, to := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2}
	forged, err := handover.Header(meshtest.ID("gateway"), from, to)
	require.NoError(t, err)
	for name, sent := range map[string]string{
		"plain HTTP":     "GET /v1/account HTTP/1.1\r\nHost: payments\r\nX-Forwarded-Client-Cert: URI=" + meshtest.ID("gateway").String() + "\r\n\r\n",
		"a PROXY header": string(forged) + "GET / HTTP/1.1\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", r.port)
			require.NoError(t, err)
			defer c.Close()
			_, err = io.WriteString(c, sent)
			require.NoError(t, err)
			event := r.log.Denied(t, controls.MeshMTLS)
			require.Equal(t, "not TLS", event["reason"])
			require.Equal(t, c.LocalAddr().String(), event["peer"])
			require.Zero(t, r.reached.Load(), "the app was reached")
		})
	}
}

// Inside mTLS a PROXY header is only bytes of the stream: the app has read the sidecar's own before it.
func TestForgedHeaderInsideTheStream(t *testing.T) {
	callers := make(chan string, 1)
	r := newRig(t, func(caller spiffe.ID, c *unixsock.Conn) { callers <- caller.String() })
	tcp, err := tls.Dial("tcp", r.port, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{r.ca.Leaf(t, "gateway")}})
	require.NoError(t, err)
	defer tcp.Close()
	from, to := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2}
	forged, err := handover.Header(meshtest.ID("ingestion"), from, to)
	require.NoError(t, err)
	_, err = tcp.Write(forged)
	require.NoError(t, err)
	require.Equal(t, meshtest.ID("gateway").String(), <-callers)
}

func TestClientRefusesCertificates(t *testing.T) {
	r := newRig(t, echo)
	cases := spoiled(t, r.ca, "payments")
	cases["another service"] = struct {
		cert            tls.Certificate
		control, reason string
	}{r.ca.Leaf(t, "notification"), controls.MeshSPIFFE, "another service answered than payments"}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r.own.Set(&identity.Identity{ID: meshtest.ID("payments"), Leaf: c.cert, Roots: r.ca.Pool})
			conn := r.dial(t)
			_, err := io.WriteString(conn, "a") // nothing is dialled for an app that says nothing
			require.NoError(t, err)
			event := r.log.Denied(t, c.control)
			for event["reason"] != c.reason || event["peer"] != r.port { // the case before may still be trying
				event = r.log.Denied(t, c.control)
			}
			require.NoError(t, conn.Close())
			require.Zero(t, r.reached.Load(), "the app was reached")
		})
	}
}

func TestNoIdentityYet(t *testing.T) {
	r := newRig(t, echo)
	r.own.Set(nil)
	refusedWith(t, r, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{r.ca.Leaf(t, "gateway")}})
	require.Equal(t, "no certificate of our own yet", r.log.Denied(t, controls.MeshMTLS)["reason"])
}

// Another user's process can't call in the app's name either; the socket's mode, the first lock, is picked here.
func TestUpstreamSocketRefusesAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("connecting as another user needs root: run the tests as root")
	}
	r := newRig(t, echo)
	meshtest.LetAll(t, r.upstream)
	require.NoError(t, meshtest.ConnectAs(65534, r.upstream, []byte("GET / HTTP/1.1\r\n\r\n")))
	event := r.log.Denied(t, controls.MeshPeerCred)
	require.Equal(t, "the other end is a process of another user", event["reason"])
	require.Contains(t, event["peer"], "uid 65534")
	require.Zero(t, r.reached.Load(), "the app was reached")
}
