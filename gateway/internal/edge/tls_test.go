package edge_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/edge"
	"redoubt.example/services/platform/telemetry"
)

// listening is the edge's server alone, with a certificate that can be replaced.
type listening struct {
	address     string
	certificate atomic.Pointer[tls.Certificate]
}

func listen(t *testing.T, change func(*tls.Config)) *listening {
	return listenAs(t, change, func(l net.Listener) net.Listener { return l })
}

func listenAs(t *testing.T, change func(*tls.Config), wrap func(net.Listener) net.Listener) *listening {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &listening{address: l.Addr().String()}
	s.rotate(t)
	config := edge.TLS(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.certificate.Load(), nil })
	change(config)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- edge.Serve(ctx, wrap(l), config, http.HandlerFunc(fine), slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
	return s
}

func (s *listening) rotate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	s.certificate.Store(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf})
}

func (s *listening) dial(config *tls.Config) (*tls.Conn, error) {
	config.InsecureSkipVerify = true // what a certificate says is for another test
	return tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", s.address, config)
}

func strict(*tls.Config) {}

func TestKeyAgreement(t *testing.T) {
	s := listen(t, strict)
	for name, tc := range map[string]struct {
		client []tls.CurveID
		want   tls.CurveID
	}{
		"a client of today":             {nil, tls.X25519MLKEM768},
		"one that likes it least":       {[]tls.CurveID{tls.CurveP256, tls.X25519, tls.X25519MLKEM768}, tls.X25519MLKEM768},
		"one without post-quantum":      {[]tls.CurveID{tls.CurveP256, tls.X25519}, tls.X25519},
		"one that knows NIST's alone":   {[]tls.CurveID{tls.CurveP384, tls.CurveP256}, tls.CurveP256},
		"one with the largest of these": {[]tls.CurveID{tls.CurveP384}, tls.CurveP384},
		"one that is too large for all": {[]tls.CurveID{tls.CurveP521}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := s.dial(&tls.Config{CurvePreferences: tc.client, NextProtos: []string{"h2", "http/1.1"}})
			if tc.want == 0 {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			defer conn.Close()
			state := conn.ConnectionState()
			require.Equal(t, tc.want, state.CurveID)
			require.Equal(t, uint16(tls.VersionTLS13), state.Version)
			require.Equal(t, "h2", state.NegotiatedProtocol)
		})
	}
}

// TestTLS12ByChoice: with the setting, and with modern cipher suites alone; 1.3 stays what is agreed on where it can be.
func TestTLS12ByChoice(t *testing.T) {
	before := func(s *listening, suites ...uint16) (tls.ConnectionState, error) {
		conn, err := s.dial(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: suites})
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer conn.Close()
		return conn.ConnectionState(), nil
	}
	_, err := before(listen(t, strict))
	require.ErrorContains(t, err, "protocol version")

	s := listen(t, edge.AllowTLS12)
	state, err := before(s)
	require.NoError(t, err)
	require.Equal(t, uint16(tls.VersionTLS12), state.Version)
	modern := map[uint16]bool{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: true, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: true, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: true}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		_, err := before(s, suite.ID)
		require.Equal(t, modern[suite.ID], err == nil, "%s: %v", suite.Name, err) // the certificate's key is ECDSA
	}
	_, err = s.dial(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	require.Error(t, err)
	conn, err := s.dial(&tls.Config{})
	require.NoError(t, err)
	defer conn.Close()
	require.Equal(t, uint16(tls.VersionTLS13), conn.ConnectionState().Version)
}

// TestCertificateRotatesUnderConnections: open connections go on, new ones and resumed ones see the new certificate.
func TestCertificateRotatesUnderConnections(t *testing.T) {
	s := listen(t, strict)
	open, err := s.dial(&tls.Config{NextProtos: []string{"http/1.1"}})
	require.NoError(t, err)
	defer open.Close()
	answers := bufio.NewReader(open)
	ask := func() {
		_, err := fmt.Fprintf(open, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", s.address)
		require.NoError(t, err)
		resp, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusNoContent, resp.StatusCode)
	}
	for range 5 {
		ask()
		s.rotate(t)
		ask()
		conn, err := s.dial(&tls.Config{})
		require.NoError(t, err)
		require.Equal(t, s.certificate.Load().Leaf.SerialNumber, conn.ConnectionState().PeerCertificates[0].SerialNumber)
		require.NoError(t, conn.Close())
	}
	require.NotEqual(t, s.certificate.Load().Leaf.SerialNumber, open.ConnectionState().PeerCertificates[0].SerialNumber)
}

// TestSecurityHeaders are on every answer, whoever gives it.
func TestSecurityHeaders(t *testing.T) {
	g := newGateway(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=0")
		w.Header().Set("Content-Security-Policy", "default-src *")
		w.Header().Set("Server", "inside/1.0")
		w.WriteHeader(http.StatusNoContent)
	})
	for name, r := range map[string]reply{
		"from inside":      g.do("GET", "/v1/documents", g.Issuer.Token("alice", "documents:read"), ""),
		"without a token":  g.do("GET", "/v1/documents", "", ""),
		"no such route":    g.do("GET", "/", "", ""),
		"no such method":   g.do("PATCH", "/v1/documents", "", ""),
		"the probe's path": g.do("GET", "/livez", "", ""),
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, []string{"max-age=31536000"}, r.Header["Strict-Transport-Security"])
			require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))
			require.Equal(t, "no-store", r.Header.Get("Cache-Control"))
			require.Equal(t, []string{"default-src 'none'; frame-ancestors 'none'"}, r.Header["Content-Security-Policy"])
			require.Equal(t, "no-referrer", r.Header.Get("Referrer-Policy"))
			require.NotEmpty(t, r.Header.Get(telemetry.RequestIDHeader))
			require.Empty(t, r.Header.Get("Server"))
			require.Equal(t, "HTTP/2.0", r.Proto)
		})
	}
}
