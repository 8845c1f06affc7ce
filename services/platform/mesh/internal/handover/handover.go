// Package handover passes a caller's identity from the sidecar to its app: a PROXY protocol v2 header
// (haproxy.org, proxy-protocol.txt) with the caller's SPIFFE ID in one TLV of the custom range.
package handover

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/pires/go-proxyproto"

	"redoubt.example/services/platform/mesh/spiffe"
)

// typeSPIFFE is our TLV: the caller's SPIFFE ID as text. 0xE0 to 0xEF are for applications (section 2.2.8).
const typeSPIFFE = proxyproto.PP2_TYPE_MIN_CUSTOM

const (
	fixedLen = 16   // signature, version and command, family, length
	maxLen   = 4096 // addresses and TLVs; an ID has at most 2048 bytes
)

// Header returns the bytes that go before the stream's own.
func Header(caller spiffe.ID, source, destination net.Addr) ([]byte, error) {
	h := proxyproto.HeaderProxyFromAddrs(2, source, destination)
	if h.Command != proxyproto.PROXY {
		return nil, fmt.Errorf("no PROXY header for a connection from %s to %s", source.Network(), destination.Network())
	}
	if err := h.SetTLVs([]proxyproto.TLV{{Type: typeSPIFFE, Value: []byte(caller.String())}}); err != nil {
		return nil, fmt.Errorf("make PROXY header: %w", err)
	}
	return h.Format()
}

// Read takes a header off the stream, and not one byte more, so that what follows can be read from r
// itself. Anything that isn't a PROXY v2 header with exactly one valid ID is an error.
func Read(r io.Reader) (caller spiffe.ID, source net.Addr, err error) {
	var buf [fixedLen + maxLen]byte
	if _, err := io.ReadFull(r, buf[:fixedLen]); err != nil {
		return spiffe.ID{}, nil, fmt.Errorf("read PROXY header: %w", err)
	}
	if !bytes.HasPrefix(buf[:], proxyproto.SIGV2) {
		return spiffe.ID{}, nil, errors.New("no PROXY v2 header")
	}
	n := int(binary.BigEndian.Uint16(buf[fixedLen-2:]))
	if n > maxLen {
		return spiffe.ID{}, nil, errors.New("PROXY header too long")
	}
	if _, err := io.ReadFull(r, buf[fixedLen:fixedLen+n]); err != nil {
		return spiffe.ID{}, nil, fmt.Errorf("read PROXY header: %w", err)
	}
	return parse(buf[:fixedLen+n])
}

func parse(raw []byte) (spiffe.ID, net.Addr, error) {
	h, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return spiffe.ID{}, nil, fmt.Errorf("parse PROXY header: %w", err)
	}
	// LOCAL is the proxy's own connection: it speaks for nobody.
	if h.Version != 2 || h.Command != proxyproto.PROXY || h.SourceAddr == nil {
		return spiffe.ID{}, nil, errors.New("PROXY header without a source")
	}
	tlvs, err := h.TLVs()
	if err != nil {
		return spiffe.ID{}, nil, fmt.Errorf("parse PROXY header: %w", err)
	}
	var ids []string
	for _, tlv := range tlvs {
		if tlv.Type == typeSPIFFE {
			ids = append(ids, string(tlv.Value))
		}
	}
	if len(ids) != 1 {
		return spiffe.ID{}, nil, fmt.Errorf("PROXY header with %d SPIFFE IDs, and not exactly one", len(ids))
	}
	id, err := spiffe.Parse(ids[0])
	if err != nil {
		return spiffe.ID{}, nil, fmt.Errorf("PROXY header: %w", err)
	}
	return id, h.SourceAddr, nil
}
