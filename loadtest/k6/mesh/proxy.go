package mesh

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/grafana/sobek"
	"google.golang.org/protobuf/encoding/protowire"
)

// ProxyV2 is a header of the PROXY protocol, version 2 (haproxy.org, proxy-protocol.txt).
type ProxyV2 struct {
	Source      string `js:"source"` // ip:port
	Destination string `js:"destination"`
	TLVs        []TLV  `js:"tlvs"`
	Local       bool   `js:"local"` // the LOCAL command: no addresses
}

// TLV is one of its extensions.
type TLV struct {
	Type  int   `js:"type"`
	Value Bytes `js:"value"`
}

func (i *instance) proxyV2(p ProxyV2) (sobek.ArrayBuffer, error) {
	var body []byte
	command, family := byte(0x21), byte(0x11) // PROXY, TCP over IPv4
	if p.Local {
		command, family = 0x20, 0x00
	} else {
		for _, text := range []string{p.Source, p.Destination} {
			at, err := netip.ParseAddrPort(text)
			if err != nil || !at.Addr().Is4() {
				return sobek.ArrayBuffer{}, fmt.Errorf("%q is no ip:port", text)
			}
			body = append(body, at.Addr().AsSlice()...)
		}
		for _, text := range []string{p.Source, p.Destination} {
			body = binary.BigEndian.AppendUint16(body, netip.MustParseAddrPort(text).Port())
		}
	}
	for _, t := range p.TLVs {
		body = append(body, byte(t.Type))
		body = binary.BigEndian.AppendUint16(body, uint16(len(t.Value))) //nolint:gosec // an attacker may lie
		body = append(body, t.Value...)
	}
	header := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), command, family)
	header = binary.BigEndian.AppendUint16(header, uint16(len(body))) //nolint:gosec // likewise
	return i.vu.Runtime().NewArrayBuffer(append(header, body...)), nil
}

// protobuf encodes fields given as [[number, value], ...]: a string or ArrayBuffer is a length-delimited field, a whole
// number a varint, a list a nested message.
func (i *instance) protobuf(fields sobek.Value) (sobek.ArrayBuffer, error) {
	list, ok := fields.Export().([]any)
	if !ok {
		return sobek.ArrayBuffer{}, fmt.Errorf("k6/x/mesh: protobuf: a list of [number, value], not %T", fields.Export())
	}
	raw, err := message(list)
	return i.vu.Runtime().NewArrayBuffer(raw), err
}

func message(fields []any) (raw []byte, err error) {
	for _, f := range fields {
		pair, ok := f.([]any)
		if !ok || len(pair) != 2 {
			return nil, fmt.Errorf("k6/x/mesh: protobuf: a field is [number, value]")
		}
		number, ok := pair[0].(int64)
		if !ok || number < 1 {
			return nil, fmt.Errorf("k6/x/mesh: protobuf: %v is no field number", pair[0])
		}
		switch v := pair[1].(type) {
		case int64:
			raw = protowire.AppendTag(raw, protowire.Number(number), protowire.VarintType)
			raw = protowire.AppendVarint(raw, uint64(v)) //nolint:gosec // two's complement is what protobuf does
		case []any:
			inner, err := message(v)
			if err != nil {
				return nil, err
			}
			raw = protowire.AppendBytes(protowire.AppendTag(raw, protowire.Number(number), protowire.BytesType), inner)
		default:
			value, err := toBytes(v)
			if err != nil {
				return nil, fmt.Errorf("k6/x/mesh: protobuf: field %d: %w", number, err)
			}
			raw = protowire.AppendBytes(protowire.AppendTag(raw, protowire.Number(number), protowire.BytesType), value)
		}
	}
	return raw, nil
}
