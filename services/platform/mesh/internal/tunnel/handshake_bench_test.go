package tunnel_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/meshtest"
	"redoubt.example/services/platform/mesh/internal/tunnel"
)

// ends are both ends' configurations, and who they are.
type ends struct {
	server, client     *tls.Config
	serverID, clientID *identity.Identity
}

// verifyAnew has neither end remember a chain.
func (e *ends) verifyAnew() {
	anew := func(id *identity.Identity, usage x509.ExtKeyUsage) func(tls.ConnectionState) error {
		return func(s tls.ConnectionState) error {
			_, err := (&identity.Identity{ID: id.ID, Roots: id.Roots}).Verify(s.PeerCertificates, usage)
			return err
		}
	}
	e.server.VerifyConnection = anew(e.serverID, x509.ExtKeyUsageClientAuth)
	e.client.VerifyConnection = anew(e.clientID, x509.ExtKeyUsageServerAuth)
}

// One handshake of our data plane with itself over loopback TCP, both ends in this process, until the first byte from the
// server, behind its session ticket. The variants say what a part of it costs; the state of the machine is in all of them.
func BenchmarkHandshake(b *testing.B) {
	offer := func(curves ...tls.CurveID) func(*ends) { return func(e *ends) { e.client.CurvePreferences = curves } }
	for _, v := range []struct {
		name   string
		curve  tls.CurveID
		change func(*ends)
	}{
		{"full", tls.X25519MLKEM768, func(*ends) {}},
		{"full, chains verified anew", tls.X25519MLKEM768, (*ends).verifyAnew},
		{"full, hybrid alone offered", tls.X25519MLKEM768, offer(tls.X25519MLKEM768)},
		{"full, no ticket", tls.X25519MLKEM768, func(e *ends) { e.server.SessionTicketsDisabled = true }},
		{"full, hybrid with P-256", tls.SecP256r1MLKEM768, offer(tls.SecP256r1MLKEM768)},
		{"full, not post-quantum", tls.X25519, offer(tls.X25519)},
		{"resumed", tls.X25519MLKEM768, nil},
	} {
		b.Run(v.name, func(b *testing.B) {
			ca := meshtest.NewCA(b)
			e := &ends{serverID: ca.Identity(b, "payments"), clientID: ca.Identity(b, "gateway")}
			e.server, e.client = tunnel.ServerConfig(e.serverID), tunnel.ClientConfig(e.clientID, e.serverID.ID)
			resumed := v.change == nil
			if !resumed {
				e.client.ClientSessionCache = nil
				v.change(e)
			}
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(b, err)
			go sayHello(ln, e.server)
			defer ln.Close()
			_, err = shake(ln.Addr().String(), e.client)
			require.NoError(b, err)
			before := processorTime(b)
			for b.Loop() {
				state, err := shake(ln.Addr().String(), e.client)
				if err != nil {
					b.Fatal(err)
				}
				if state.CurveID != v.curve || state.Version != tls.VersionTLS13 || state.DidResume != resumed {
					b.Fatalf("key exchange %v, resumed %v", state.CurveID, state.DidResume)
				}
			}
			b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N)/1000, "cpu-us/op")
		})
	}
}

func shake(address string, config *tls.Config) (tls.ConnectionState, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer c.Close()
	conn := tls.Client(c, config)
	_, err = io.ReadFull(conn, make([]byte, 1))
	return conn.ConnectionState(), err
}

func sayHello(ln net.Listener, config *tls.Config) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_, _ = tls.Server(c, config).Write([]byte("h"))
		}()
	}
}

// processorTime is this process's so far.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkHandshakeWithProcess is a full handshake with half a sidecar in a process of its own, until its session ticket comes: what
// `lab bench mesh` measures, without Consul and Vault.
func BenchmarkHandshakeWithProcess(b *testing.B) {
	ca := meshtest.NewCA(b)
	callee, address := half{Service: "payments", App: b.TempDir() + "/app.sock"}.start(b, ca)
	config := tunnel.ClientConfig(ca.Identity(b, "gateway"), meshtest.ID("payments"))
	var took []time.Duration
	one := func() {
		c, err := net.Dial("tcp", address)
		require.NoError(b, err)
		defer c.Close()
		cache := &firstTicket{conn: c}
		config.ClientSessionCache = cache
		conn := tls.Client(c, config)
		began := time.Now()
		require.NoError(b, conn.Handshake())
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(b, err, os.ErrDeadlineExceeded)
		took = append(took, cache.came.Sub(began))
	}
	one()
	took = nil
	before := ranFor(b, callee)
	for b.Loop() {
		one()
	}
	slices.Sort(took)
	b.ReportMetric(float64((ranFor(b, callee)-before).Nanoseconds())/float64(b.N)/1000, "server-cpu-us/op")
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1000, "median-us/op")
}

// firstTicket offers no session, and ends the read with which the first one comes.
type firstTicket struct {
	conn net.Conn
	came time.Time
}

func (t *firstTicket) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

func (t *firstTicket) Put(string, *tls.ClientSessionState) {
	t.came = time.Now()
	_ = t.conn.SetReadDeadline(t.came)
}
