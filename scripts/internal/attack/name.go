package attack

import (
	"context"
	"net"
	"net/netip"
	"os"
	"time"
)

// loopbackName is a name that isn't localhost and that this machine resolves to its loopback address alone: what a DNS
// answer looks like that points inside. It is the machine's own name, where that is so; else "".
func loopbackName(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	name, err := os.Hostname()
	if err != nil || name == "localhost" {
		return ""
	}
	found, err := net.DefaultResolver.LookupHost(ctx, name)
	for _, text := range found {
		if address, err := netip.ParseAddr(text); err != nil || address.String() != "127.0.0.1" {
			return ""
		}
	}
	if err != nil || len(found) == 0 {
		return ""
	}
	return name
}
