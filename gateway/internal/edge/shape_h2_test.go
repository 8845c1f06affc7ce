package edge_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
)

// h2 sends one HTTP/2 request made of fields as they are, and returns the status that answers it; 0 where the stream or
// the connection is ended instead.
func (g *gateway) h2(fields []string, data string) (status, requestID string) {
	g.t.Helper()
	conn := g.dial("h2")
	_, err := conn.Write([]byte(http2.ClientPreface))
	require.NoError(g.t, err)
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	require.NoError(g.t, framer.WriteSettings())
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range fields {
		name, value, _ := strings.Cut(f[1:], ":")
		require.NoError(g.t, encoder.WriteField(hpack.HeaderField{Name: f[:1] + name, Value: value}))
	}
	require.NoError(g.t, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: data == ""}))
	if data != "" {
		require.NoError(g.t, framer.WriteData(1, true, []byte(data)))
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return "", ""
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			for _, field := range f.RegularFields() {
				if http.CanonicalHeaderKey(field.Name) == telemetry.RequestIDHeader {
					requestID = field.Value
				}
			}
			return f.PseudoValue("status"), requestID
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return "", ""
		}
	}
}

// TestHTTP2Confusion tries what RFC 9113 sections 8.2 and 8.3 call malformed.
func TestHTTP2Confusion(t *testing.T) {
	g := newGateway(t, unreachable(t))
	good := func(path string, more ...string) []string {
		return append([]string{":method:GET", ":scheme:https", ":authority:gateway", ":path:" + path, "authorization:Bearer " + g.Issuer.Token("alice", "documents:read documents:write")}, more...)
	}
	const ended = "" // the stream or the connection, by net/http
	for name, tc := range map[string]struct {
		fields  []string
		data    string
		status  string
		control string
	}{
		"an upper-case name":          {good("/v1/documents", "Accept:a"), "", ended, ""},
		"Connection":                  {good("/v1/documents", "connection:close"), "", "400", ""},
		"Transfer-Encoding":           {good("/v1/documents", "transfer-encoding:chunked"), "", "400", ""},
		"Keep-Alive":                  {good("/v1/documents", "keep-alive:1"), "", "400", ""},
		"Proxy-Connection":            {good("/v1/documents", "proxy-connection:close"), "", "400", ""},
		"Upgrade":                     {good("/v1/documents", "upgrade:websocket"), "", "400", ""},
		"TE other than trailers":      {good("/v1/documents", "te:chunked"), "", "400", ""},
		"a pseudo-header too late":    {append([]string{":method:GET", ":scheme:https", "accept:a", ":path:/v1/documents"}, ":authority:gateway"), "", ended, ""},
		"two paths":                   {[]string{":method:GET", ":scheme:https", ":path:/livez", ":path:/v1/documents", ":authority:gateway"}, "", ended, ""},
		"an unknown pseudo-header":    {[]string{":method:GET", ":scheme:https", ":path:/v1/documents", ":authority:gateway", ":role:admin"}, "", ended, ""},
		"a response's pseudo-header":  {[]string{":method:GET", ":scheme:https", ":path:/v1/documents", ":authority:gateway", ":status:200"}, "", ended, ""},
		"no method":                   {[]string{":scheme:https", ":path:/v1/documents", ":authority:gateway"}, "", ended, ""},
		"no path":                     {[]string{":method:GET", ":scheme:https", ":authority:gateway"}, "", ended, ""},
		"a line break in a value":     {good("/v1/documents", "accept:a\r\nx-forwarded-for: b"), "", ended, ""},
		"a line break in the path":    {good("/v1/documents HTTP/1.1\r\nX-A: b"), "", ended, ""},
		"NUL in a value":              {good("/v1/documents", "accept:a\x00b"), "", ended, ""},
		"a space in a name":           {good("/v1/documents", "x y:a"), "", ended, ""},
		"less than was announced":     {append([]string{":method:POST"}, good("/v1/documents", "content-length:9")[1:]...), "abc", "400", ""},
		"an authority with a user":    {[]string{":method:GET", ":scheme:https", ":path:/v1/documents", ":authority:admin@gateway"}, "", ended, ""},
		"another host than authority": {good("/v1/documents", "host:elsewhere"), "", "400", controls.EdgeShape},
		"an absolute path":            {good("http://elsewhere/v1/documents"), "", "404", controls.EdgeShape},
		"an encoded slash":            {good("/v1/documents%2f1"), "", "404", controls.EdgeShape},
		"a double slash":              {good("/v1//documents"), "", "404", controls.EdgeShape},
		"two idempotency keys":        {good("/v1/documents", "idempotency-key:a", "idempotency-key:b"), "", "400", controls.EdgeShape},
	} {
		t.Run(name, func(t *testing.T) {
			status, id := g.h2(tc.fields, tc.data)
			require.Equal(t, tc.status, status)
			if tc.control != "" {
				g.requireDecision(reply{Response: &http.Response{Header: http.Header{telemetry.RequestIDHeader: {id}}}}, tc.control)
			}
		})
	}
}
