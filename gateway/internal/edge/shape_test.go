package edge_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
)

// dial connects to the gateway below HTTP.
func (g *gateway) dial(protocol string) *tls.Conn {
	g.t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(g.URL, "https://"), &tls.Config{
		RootCAs: g.Client.Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com", NextProtos: []string{protocol}})
	require.NoError(g.t, err)
	g.t.Cleanup(func() { _ = conn.Close() })
	g.peer = conn.LocalAddr().String()
	require.NoError(g.t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	return conn
}

// raw sends bytes and returns all answers, until the gateway closes or answers what was asked last.
func (g *gateway) raw(bytes string) (answers []*http.Response, closed bool) {
	g.t.Helper()
	conn := g.dial("http/1.1")
	// The last request asks for the end, so that everything before it has been answered when the connection closes.
	_, err := io.WriteString(conn, bytes+"GET /livez HTTP/1.1\r\nHost: last\r\nConnection: close\r\n\r\n")
	require.NoError(g.t, err)
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			break
		}
		_, _ = io.Copy(io.Discard, r.Body)
		answers = append(answers, r)
	}
	// Every request here is one, so with the last there are two answers, unless the gateway closed after the first.
	return answers, len(answers) == 1
}

// What net/http refuses itself has no request yet: its record names the peer.
const byParser = ""

// TestAmbiguousRequests tries the ways in which RFC 9112 says that two parsers may read one request as two. In none
// does a request inside the request reach anything.
func TestAmbiguousRequests(t *testing.T) {
	var reached atomic.Int64
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) { reached.Add(1); w.WriteHeader(http.StatusNoContent) })
	token := g.Issuer.Token("alice", "documents:write documents:read")
	const inner = "POST /v1/documents HTTP/1.1\r\nHost: smuggled\r\n\r\n"
	head := "POST /v1/documents HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/json\r\n"
	get := strings.Replace(head, "POST", "GET", 1)
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(inner), inner)

	for name, tc := range map[string]struct {
		raw     string
		status  int
		control string
		open    bool // the connection may go on: where the request ends is beyond doubt
	}{
		"length and chunks":              {head + fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n", len(chunked)) + chunked, 400, controls.EdgeShape, false},
		"length shorter than the chunks": {head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked, 400, controls.EdgeShape, false},
		"chunks alone":                   {head + "Transfer-Encoding: chunked\r\n\r\n" + chunked, 400, controls.EdgeShape, false},
		"chunks with an extension":       {head + "Transfer-Encoding: chunked\r\n\r\n4;a=\"\n\"\r\nabcd\r\n0\r\n\r\n", 400, controls.EdgeShape, false},
		"a chunk of no size":             {head + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabcd\r\n0\r\n\r\n", 400, controls.EdgeShape, false},
		"another coding":                 {head + "Transfer-Encoding: xchunked\r\n\r\n" + chunked, 501, byParser, false},
		"a coding before the chunks":     {head + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked, 501, byParser, false},
		"two codings":                    {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked, 501, byParser, false},
		"a space before the colon":       {head + "Transfer-Encoding : chunked\r\n\r\n" + chunked, 400, byParser, false},
		"a tab before the colon":         {head + "Content-Length\t: 4\r\n\r\nabcd", 400, byParser, false},
		"two lengths":                    {head + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400, byParser, false},
		"a list of lengths":              {head + "Content-Length: 4, 4\r\n\r\nabcd", 400, byParser, false},
		"a signed length":                {head + "Content-Length: +4\r\n\r\nabcd", 400, byParser, false},
		"a negative length":              {head + "Content-Length: -4\r\n\r\nabcd", 400, byParser, false},
		"a length in hexadecimal":        {head + "Content-Length: 0x4\r\n\r\nabcd", 400, byParser, false},
		"a length with an underscore":    {head + "Content-Length: 1_0\r\n\r\nabcd", 400, byParser, false},
		"a folded first field":           {"GET /v1/documents HTTP/1.1\r\n Host: gateway\r\n\r\n", 400, byParser, false},
		"a bare CR in a field":           {get + "Accept: a\rX-Forwarded-For: b\r\n\r\n", 400, byParser, false},
		"NUL in a field":                 {get + "Accept: a\x00b\r\n\r\n", 400, byParser, false},
		"NUL in a name":                  {get + "Acc\x00ept: a\r\n\r\n", 400, byParser, false},
		"a name with a space":            {get + "X Y: a\r\n\r\n", 400, byParser, false},
		"no name":                        {get + ": a\r\n\r\n", 400, byParser, false},
		"a field without a colon":        {get + "Accept\r\n\r\n", 400, byParser, false},
		"no host":                        {"GET /v1/documents HTTP/1.1\r\n\r\n", 400, byParser, false},
		"two hosts":                      {get + "Host: other\r\n\r\n", 400, byParser, false},
		"a host that is a path":          {"GET /v1/documents HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, byParser, false},
		"another version":                {"GET /v1/documents HTTP/3.0\r\nHost: gateway\r\n\r\n", 505, byParser, false},
		"an empty line before":           {"\r\n" + get + "\r\n", 400, byParser, false},
		"no version":                     {"GET /v1/documents\r\n\r\n", 400, byParser, false},
		"a version of long ago":          {"GET /v1/documents HTTP/1.0\r\nHost: gateway\r\n\r\n", 400, controls.EdgeShape, false},
		"two spaces in the first line":   {"GET  /v1/documents HTTP/1.1\r\nHost: gateway\r\n\r\n", 400, byParser, false},
		"an expectation of its own":      {head + "Expect: 200-ok\r\nContent-Length: 0\r\n\r\n", 417, byParser, false},
		"an absolute target":             {"GET http://elsewhere/v1/documents HTTP/1.1\r\nHost: gateway\r\n\r\n", 404, controls.EdgeShape, true},
		"an underscore in a name":        {get + "X_Forwarded_For: a\r\n\r\n", 400, controls.EdgeShape, true},
		"two idempotency keys":           {head + "Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 0\r\n\r\n", 400, controls.EdgeShape, true},
		"a high byte in a field":         {get + "Accept: \xff\r\n\r\n", 400, controls.EdgeShape, true},
		"65 fields":                      {get + strings.Repeat("Accept: a\r\n", 65) + "\r\n", 400, controls.EdgeShape, true},
		"a field of 9 KiB":               {get + "Accept: " + strings.Repeat("a", 9<<10) + "\r\n\r\n", 400, controls.EdgeShape, true},
		"a head of 32 KiB":               {get + strings.Repeat("Accept: "+strings.Repeat("a", 4<<10)+"\r\n", 8) + "\r\n", 431, byParser, false},
		"a tunnel":                       {"CONNECT gateway:443 HTTP/1.1\r\nHost: gateway\r\n\r\n", 404, controls.EdgeShape, true},
	} {
		t.Run(name, func(t *testing.T) {
			answers, closed := g.raw(tc.raw)
			require.NotEmpty(t, answers)
			require.Equal(t, tc.status, answers[0].StatusCode)
			require.Equal(t, !tc.open, closed, "the connection")
			require.LessOrEqual(t, len(answers), 2, "one request, and the last")
			if tc.control == byParser {
				g.requirePeerDecision(g.peer, controls.EdgeShape)
			} else {
				g.requireDecision(reply{Response: answers[0]}, tc.control)
				require.NotEmpty(t, answers[0].Header.Get(telemetry.RequestIDHeader))
			}
		})
	}
	require.Zero(t, reached.Load(), "nothing got inside")
}

// TestUnambiguousAllTheSame: what RFC 9112 lets a server repair, net/http does, and we see one meaning: it stays one
// request, and what goes on is written anew.
func TestUnambiguousAllTheSame(t *testing.T) {
	got := make(chan *http.Request, 2)
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) { got <- r; w.WriteHeader(http.StatusNoContent) })
	head := "GET /v1/documents HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + g.Issuer.Token("alice", "documents:read") + "\r\n"
	for name, raw := range map[string]string{
		"the same length twice": head + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
		"lines that end in LF":  strings.ReplaceAll(head, "\r\n", "\n") + "\n",
		"a folded field":        head + "Accept: text/html,\r\n  X-Forwarded-For: 127.0.0.1\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			answers, _ := g.raw(raw)
			require.Len(t, answers, 2)
			require.Equal(t, http.StatusNoContent, answers[0].StatusCode)
			inside := <-got
			require.Empty(t, inside.Header.Values("X-Forwarded-For"), "part of another field's value, and no field")
			require.Empty(t, got, "once")
		})
	}
}

func TestCompressedBodies(t *testing.T) {
	g := newGateway(t, unreachable(t))
	token := g.Issuer.Token("alice", "documents:write")
	for _, coding := range []string{"gzip", "br", "deflate", "zstd", "x-gzip", "GZIP", "identity, gzip"} {
		r := g.do("POST", "/v1/documents", token, "\x1f\x8b\x08\x00", "Content-Encoding", coding)
		require.Equal(t, http.StatusUnsupportedMediaType, r.StatusCode, coding)
		require.Equal(t, "identity", r.Header.Get("Accept-Encoding"), coding)
		g.requireDecision(r, controls.EdgeDecompression)
	}
}

// TestSlowHeadIsCutOff: a client that takes its time over the header doesn't hold the connection for longer than 5 s.
func TestSlowHeadIsCutOff(t *testing.T) {
	t.Parallel()
	g := newGateway(t, unreachable(t))
	conn := g.dial("http/1.1")
	_, err := io.WriteString(conn, "GET /v1/documents HTTP/1.1\r\nHost: gateway\r\n")
	require.NoError(t, err)
	began := time.Now()
	go func() {
		for time.Since(began) < 20*time.Second {
			if _, err := io.WriteString(conn, "X-A: b\r\n"); err != nil {
				return
			}
			time.Sleep(200 * time.Millisecond) // the attack itself: a byte now and then
		}
	}()
	_, _ = io.Copy(io.Discard, conn)
	require.Less(t, time.Since(began), 15*time.Second, "it was cut off, and not by the test's own end")
	g.requirePeerDecision(conn.LocalAddr().String(), controls.EdgeSlowClient)
}
