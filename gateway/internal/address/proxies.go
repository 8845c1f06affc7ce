// Package address tells which address a request comes from, and what is known of that address.
package address

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks whose X-Forwarded-For is believed: load balancers of our own. Empty: nobody's is.
type Proxies []netip.Prefix

// UnmarshalText reads a comma-separated list of networks and addresses.
func (p *Proxies) UnmarshalText(text []byte) error {
	*p = nil
	for entry := range strings.SplitSeq(string(text), ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		prefix, err := parsePrefix(entry)
		if err != nil {
			return err
		}
		if prefix.Bits() == 0 {
			return fmt.Errorf("%s would let anybody name any address", entry)
		}
		*p = append(*p, prefix)
	}
	return nil
}

func (p Proxies) trusts(a netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// Peer returns a connection's other end, and whether it is one of the proxies.
func (p Proxies) Peer(peer string) (a netip.Addr, proxy bool) {
	a = parseHop(peer)
	return a, p.trusts(a)
}

// Client returns the address that a request comes from: the peer's, or where the peer is one of the proxies, the
// rightmost in X-Forwarded-For that isn't. What stands to the left of that is what a client says of itself.
func (p Proxies) Client(peer string, h http.Header) netip.Addr {
	from := parseHop(peer)
	fields := h["X-Forwarded-For"]
	for i := len(fields) - 1; i >= 0 && p.trusts(from); i-- {
		for rest, more := fields[i], true; more && p.trusts(from); {
			var hop string
			if comma := strings.LastIndexByte(rest, ','); comma < 0 {
				hop, more = rest, false
			} else {
				hop, rest = rest[comma+1:], rest[:comma]
			}
			next := parseHop(strings.Trim(hop, " \t"))
			if !next.IsValid() {
				return from // as far as it can be followed
			}
			from = next
		}
	}
	return from
}

// parseHop reads an address with or without a port, IPv6 in brackets or without. The zero Addr: it is none.
func parseHop(s string) netip.Addr {
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}
		}
		a = ap.Addr()
	}
	return a.Unmap().WithZone("")
}

// Network is what counts as one client: an IPv4 address, or the /64 of which an IPv6 subscriber has every address.
func Network(a netip.Addr) netip.Addr {
	if a.Is6() {
		if prefix, err := a.Prefix(64); err == nil {
			return prefix.Addr()
		}
	}
	return a
}

func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a network such as 203.0.113.0/24", s)
	}
	return p.Masked(), nil
}
