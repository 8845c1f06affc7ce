package bench_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
)

func TestShake(t *testing.T) {
	certificate, roots := selfSigned(t)
	client := &tls.Config{Certificates: []tls.Certificate{certificate}, RootCAs: roots, ServerName: "server", MinVersion: tls.VersionTLS13}
	good := &tls.Config{Certificates: []tls.Certificate{certificate}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert}
	forgetful := good.Clone()
	forgetful.WrapSession = func(tls.ConnectionState, *tls.SessionState) ([]byte, error) { return []byte("whatever"), nil }
	forgetful.UnwrapSession = func([]byte, tls.ConnectionState) (*tls.SessionState, error) { return nil, nil }
	silent := good.Clone()
	silent.SessionTicketsDisabled = true

	found, err := bench.Shake(t.Context(), []bench.Server{
		{Name: "good", Address: listen(t, good), Config: client},
		{Name: "forgetful", Address: listen(t, forgetful), Config: client},
	}, 100*time.Millisecond, 1)
	require.NoError(t, err)
	require.Equal(t, tls.X25519MLKEM768, found[0].Curve)
	require.Zero(t, found[0].Refused)
	require.Len(t, found[0].Resumed, len(found[0].Full))
	require.Len(t, found[0].Full, 5*len(found[0].First), "each block's first counts apart")
	require.Positive(t, bench.QuantileOf(0.5, found[0].Full))
	require.Positive(t, bench.QuantileOf(0.5, found[0].Resumed))
	require.Empty(t, found[1].Resumed)
	require.Equal(t, len(found[1].Full), found[1].Refused)

	_, err = bench.Shake(t.Context(), []bench.Server{{Name: "silent", Address: listen(t, silent), Config: client}}, 0, 1)
	require.ErrorIs(t, err, bench.ErrNoTicket)

	stranger, _ := selfSigned(t)
	wrong := client.Clone()
	wrong.Certificates = []tls.Certificate{stranger}
	_, err = bench.Shake(t.Context(), []bench.Server{{Name: "good", Address: listen(t, good), Config: wrong}}, 0, 1)
	require.ErrorContains(t, err, "certificate", "a client that the server refuses has made no handshake")
}

// listen serves TLS as a proxy does: it reads, and says nothing by itself.
func listen(t *testing.T, config *tls.Config) string {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.Read(make([]byte, 1))
			}()
		}
	}()
	return ln.Addr().String()
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"server"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true, IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots
}

func TestRates(t *testing.T) {
	targets := []bench.Target{{Name: "a", Dial: serve(t)}, {Name: "b", Dial: serve(t)}}
	rates, err := bench.ConnectionRates(t.Context(), targets, 3, 30*time.Millisecond, 1)
	require.NoError(t, err)
	require.Len(t, rates, 2)
	require.Greater(t, rates[0], 100.0)
	rates, err = bench.Throughputs(t.Context(), targets, 3, 8<<20, 1)
	require.NoError(t, err)
	require.Greater(t, rates[1], 10.0*(1<<20))
}
