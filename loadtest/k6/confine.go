package main

import (
	"errors"
	"net/netip"
	"strings"
)

// loopback is all that a load test may reach: RFC 1122, section 3.2.1.3 and RFC 4291, section 2.5.3.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// confine sets the environment that keeps k6 on loopback and makes no call of its own to the outside.
// It fails when an argument would undo that.
func confine(args []string, setenv func(key, value string) error) error {
	for _, arg := range args {
		if arg == "--blacklist-ip" || strings.HasPrefix(arg, "--blacklist-ip=") {
			return errors.New("--blacklist-ip is not available: every address but loopback is blocked already")
		}
	}
	return errors.Join(
		setenv("K6_BLACKLIST_IPS", strings.Join(blocked(), ",")),
		setenv("K6_NO_USAGE_REPORT", "true"),
		setenv("K6_AUTO_EXTENSION_RESOLUTION", "false"), // would download a k6 without this guard
	)
}

// blocked returns the address space without loopback, as CIDR prefixes.
func blocked() []string {
	var list []string
	for _, allowed := range loopback {
		// The siblings along the path from the root to a prefix are all that lies outside it.
		for bits := 1; bits <= allowed.Bits(); bits++ {
			path, _ := allowed.Addr().Prefix(bits)
			list = append(list, sibling(path).String())
		}
	}
	return list
}

// sibling is the prefix that differs in its last bit only.
func sibling(p netip.Prefix) netip.Prefix {
	raw := p.Addr().AsSlice()
	last := p.Bits() - 1
	raw[last/8] ^= 1 << (7 - last%8)
	addr, _ := netip.AddrFromSlice(raw)
	return netip.PrefixFrom(addr, p.Bits())
}
