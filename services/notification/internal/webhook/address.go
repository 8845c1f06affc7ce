package webhook

import (
	"net/netip"

	"redoubt.example/services/platform/controls"
)

// special are the ranges of the IANA special-purpose registries (RFC 6890) that are not, or need not be, the public
// internet, and multicast. The cloud's metadata service (169.254.169.254, fd00:ec2::254) lies in them.
var special = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "an unspecified address"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a carrier-grade NAT address"},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address"},
	{netip.MustParsePrefix("192.0.0.0/24"), "a protocol's own address"},
	{netip.MustParsePrefix("192.0.2.0/24"), "a documentation address"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a 6to4 relay"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private address"},
	{netip.MustParsePrefix("198.18.0.0/15"), "a benchmarking address"},
	{netip.MustParsePrefix("198.51.100.0/24"), "a documentation address"},
	{netip.MustParsePrefix("203.0.113.0/24"), "a documentation address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},

	{netip.MustParsePrefix("::/128"), "an unspecified address"},
	{netip.MustParsePrefix("::1/128"), "a loopback address"},
	{netip.MustParsePrefix("64:ff9b::/96"), "a NAT64 address"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a NAT64 address"},
	{netip.MustParsePrefix("2001::/23"), "a protocol's own address"}, // Teredo, which embeds IPv4, among them
	{netip.MustParsePrefix("2001:db8::/32"), "a documentation address"},
	{netip.MustParsePrefix("2002::/16"), "a 6to4 address"}, // embeds IPv4
	{netip.MustParsePrefix("3fff::/20"), "a documentation address"},
	{netip.MustParsePrefix("fc00::/7"), "a private address"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
}

// globalUnicast is all of IPv6 that has been given out; the rest is refused without a list.
var globalUnicast = netip.MustParsePrefix("2000::/3")

// CheckAddress refuses to connect anywhere but to a public address at port 80 or 443.
func (t Targets) CheckAddress(to netip.AddrPort) error {
	if t.Allowed(to.String()) || !controls.On(controls.AppWebhookSSRF) {
		return nil
	}
	if err := checkIP(to.Addr()); err != nil {
		return err
	}
	if to.Port() != 80 && to.Port() != 443 {
		return refuse("a port other than 80 and 443")
	}
	return nil
}

func checkIP(addr netip.Addr) error {
	if !addr.IsValid() || addr.Zone() != "" {
		return refuse("a malformed address")
	}
	if addr.Is4In6() {
		addr = addr.Unmap() // ::ffff:127.0.0.1 connects to 127.0.0.1
	}
	for _, s := range special {
		if s.prefix.Contains(addr) {
			return refuse("%s", s.what)
		}
	}
	if addr.Is6() && !globalUnicast.Contains(addr) {
		return refuse("a reserved address")
	}
	return nil
}
