package handover_test

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/pires/go-proxyproto"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/mesh/internal/handover"
	"redoubt.example/services/platform/mesh/spiffe"
)

var (
	caller = spiffe.ID{TrustDomain: "a.consul", Datacenter: "dc1", Service: "gateway"}
	from   = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711}
	to     = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 20000}
)

// header makes a header that the library finds well-formed, with TLVs of the test's choice.
func header(t testing.TB, command proxyproto.ProtocolVersionAndCommand, tlvs ...proxyproto.TLV) []byte {
	h := proxyproto.HeaderProxyFromAddrs(2, from, to)
	h.Command = command
	require.NoError(t, h.SetTLVs(tlvs))
	raw, err := h.Format()
	require.NoError(t, err)
	return raw
}

func TestReadRefuses(t *testing.T) {
	id := proxyproto.TLV{Type: 0xE0, Value: []byte(caller.String())}
	good := header(t, proxyproto.PROXY, id)
	tooLong := bytes.Clone(good)
	tooLong[14], tooLong[15] = 0xff, 0xff
	for name, raw := range map[string][]byte{
		"nothing":            nil,
		"plain HTTP":         []byte("GET / HTTP/1.1\r\nHost: payments\r\nX-Forwarded-Client-Cert: URI=" + caller.String() + "\r\n\r\n"),
		"PROXY v1":           []byte("PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + "GET / HTTP/1.1\r\n\r\n"),
		"no ID":              header(t, proxyproto.PROXY),
		"two IDs":            header(t, proxyproto.PROXY, id, id),
		"ID in another TLV":  header(t, proxyproto.PROXY, proxyproto.TLV{Type: 0xE1, Value: id.Value}),
		"ID that isn't one":  header(t, proxyproto.PROXY, proxyproto.TLV{Type: 0xE0, Value: []byte("payments")}),
		"LOCAL":              header(t, proxyproto.LOCAL, id),
		"cut off":            good[:len(good)-1],
		"longer than it may": append(tooLong, make([]byte, 0xffff)...),
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := handover.Read(bytes.NewReader(raw))
			require.Error(t, err)
			require.Zero(t, got)
		})
	}
}

func TestReadLeavesTheStreamAlone(t *testing.T) {
	raw, err := handover.Header(caller, from, to)
	require.NoError(t, err)
	r := bytes.NewReader(append(raw, "GET / HTTP/1.1"...))
	got, source, err := handover.Read(r)
	require.NoError(t, err)
	require.Equal(t, caller, got)
	require.Equal(t, from.String(), source.String())
	rest, _ := io.ReadAll(r)
	require.Equal(t, "GET / HTTP/1.1", string(rest))
}

// Whatever arrives, an accepted header names a valid ID, and nothing panics.
func FuzzRead(f *testing.F) {
	raw, err := handover.Header(caller, from, to)
	require.NoError(f, err)
	f.Add(raw)
	f.Add(header(f, proxyproto.LOCAL))
	f.Add([]byte("PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		id, source, err := handover.Read(bytes.NewReader(raw))
		if err != nil {
			return
		}
		if again, err := spiffe.Parse(id.String()); err != nil || again != id || source == nil {
			t.Fatalf("accepted %v from %v", id, source)
		}
		_ = source.String()
	})
}
