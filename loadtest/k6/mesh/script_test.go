package mesh_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.k6.io/k6/js/modulestest"

	"redoubt.example/loadtest/k6/mesh"
)

// script runs JavaScript as k6 does, with k6/x/mesh as the global mesh.
type script struct{ *modulestest.Runtime }

func newScript(t *testing.T, folder string) script {
	t.Helper()
	rt := modulestest.NewRuntime(t)
	require.NoError(t, rt.VU.Runtime().Set("mesh", mesh.New(mesh.NewGuard(folder, "")).NewModuleInstance(rt.VU).Exports().Default))
	return script{rt}
}

func (s script) run(text string) (any, error) {
	got, err := s.VU.Runtime().RunString("(() => {" + last(text) + "})()")
	if err != nil {
		return nil, err
	}
	return got.Export(), nil
}

// last makes of the last statement the result.
func last(text string) string {
	i := strings.LastIndex(text, "; ")
	if strings.HasPrefix(text, "for ") {
		return text
	}
	return text[:i+1] + " return " + text[i+1:]
}

func (s script) must(t *testing.T, text string) any {
	t.Helper()
	got, err := s.run(text)
	require.NoError(t, err, text)
	return got
}

func TestUnknownOptionsAreMistakes(t *testing.T) {
	s := newScript(t, "")
	for call, want := range map[string]string{
		`mesh.http({adress: "127.0.0.1:1"})`:                   `"adress"`,
		`mesh.http({address: "127.0.0.1:1", tls: {caa: "x"}})`: `"tls.caa"`,
		`mesh.http({address: "127.0.0.1:1", method: 5})`:       "method is a string",
		`mesh.http({address: "127.0.0.1:1", headers: "x"})`:    "headers is a list",
		`mesh.dial({address: "127.0.0.1:1", tls: true})`:       "tls is an object",
		`mesh.race(5)`: "is a list",
		`mesh.race(Array(300).fill({address: "127.0.0.1:1"}))`: "at most",
		`mesh.jws({header: {}, payload: {}, sign: "ROT13"})`:   "no PEM",
		`mesh.protobuf([["x", 1]])`:                            "no field number",
		`mesh.report("x")`:                                     "nobody listens",
	} {
		_, err := s.run(call)
		require.ErrorContains(t, err, want, call)
	}
}

// TestExactBytes: what a script writes is what arrives, and what comes back is all there, trailers included.
func TestExactBytes(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	const want = "PREFIXPOST /a%2f.. HTTP/1.1\r\nHost: x\r\ncontent-length: 2\r\nContent-Length:  3\r\n\r\nabc"
	arrived := make(chan string, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		raw := make([]byte, len(want)+1)
		n, _ := io.ReadAtLeast(c, raw, len(want))
		arrived <- string(raw[:n])
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Server-Timing\r\n\r\n2\r\nhi\r\n0\r\nServer-Timing: a;dur=1\r\n\r\n")
	}()
	got := newScript(t, "").must(t, fmt.Sprintf(`const r = mesh.http({address: %q, prefix: "PREFIX", method: "POST", path: "/a%%2f..", bare: true,
		headers: [["Host", "x"], ["content-length", "2"], ["Content-Length", " 3"]], body: "abc"}); [r.status, r.body, r.trailers["server-timing"]].join()`, ln.Addr()))
	require.Equal(t, "200,hi,a;dur=1", got)
	require.Equal(t, want, <-arrived)
}

func TestMutualTLS(t *testing.T) {
	s := newScript(t, "")
	ca := s.must(t, `const c = mesh.x509({commonName: "ca", isCA: true}); const l = mesh.x509({uris: ["spiffe://x/a"], issuerCert: c.cert, issuerKey: c.key}); [c.cert, l.cert, l.key, l.local]`).([]any)
	seen := make(chan string, 2)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen <- r.TLS.PeerCertificates[0].URIs[0].String() + " " + r.RemoteAddr
	}))
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM([]byte(ca[0].(string)))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	server.StartTLS()
	defer server.Close()
	trusted := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	require.NoError(t, s.VU.Runtime().Set("given", map[string]string{"cert": ca[1].(string), "key": ca[2].(string), "trusted": trusted, "address": server.Listener.Addr().String()}))
	local := s.must(t, `const r = mesh.http({address: given.address, tls: {ca: given.trusted, cert: given.cert, key: given.key}}); r.error || r.local`)
	require.Equal(t, fmt.Sprintf("spiffe://x/a %s", local), <-seen)
	require.Equal(t, "TLS", s.must(t, `const r = mesh.http({address: given.address, tls: {cert: given.cert, key: given.key}}); r.errno`), "nobody is trusted unasked")
}

func TestTokens(t *testing.T) {
	s := newScript(t, "")
	token := s.must(t, `const t = mesh.jws({header: {alg: "none"}, payload: {sub: "bob"}}); t`).(string)
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	require.Empty(t, parts[2])
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var claims map[string]string
	require.NoError(t, json.Unmarshal(payload, &claims))
	require.Equal(t, "bob", claims["sub"])
	for sign, kind := range map[string]string{"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"} {
		got := s.must(t, fmt.Sprintf(`const k = mesh.jwk({type: %q}); const t = mesh.jws({header: {}, payload: {}, sign: %q, key: k.private}); t.split(".")[2].length > 80 && k.jwk.kty === %q`, kind, sign, kind))
		require.Equal(t, true, got, sign)
	}
}

func TestHeaderOfProxyV2(t *testing.T) {
	raw := newScript(t, "").must(t, `const h = mesh.proxyV2({source: "127.0.0.1:1", destination: "127.0.0.2:258", tlvs: [{type: 0xe0, value: "id"}]}); [...new Uint8Array(h)]`).([]any)
	want := "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x11\x7f\x00\x00\x01\x7f\x00\x00\x02\x00\x01\x01\x02\xe0\x00\x02id"
	var got []byte
	for _, b := range raw {
		got = append(got, byte(b.(int64)))
	}
	require.Equal(t, want, string(got))
}

func TestProtobuf(t *testing.T) {
	raw := newScript(t, "").must(t, `const h = mesh.protobuf([[1, "ab"], [2, 300], [3, [[1, "c"]]]]); [...new Uint8Array(h)].join()`)
	require.Equal(t, "10,2,97,98,16,172,2,26,3,10,1,99", raw)
}

// TestListener: what arrives at an attacker's own server is his to read.
func TestListener(t *testing.T) {
	got := newScript(t, "").must(t, `const l = mesh.listen({body: "{}"}); const r = mesh.http({address: l.address, method: "POST", path: "/hook", body: "x"}); const a = l.await(2000); `+
		`[r.status, a.length, a[0].method, a[0].path, a[0].body, a[0].peer === r.local].join()`)
	require.Equal(t, "200,1,POST,/hook,x,true", got)
}
