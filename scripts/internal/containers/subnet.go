package containers

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
)

// FreeSubnet returns the first two numbers of a private /16 that no interface of this machine is in: "10.213".
func FreeSubnet() (string, error) {
	taken, err := net.InterfaceAddrs()
	if err != nil {
		return "", fmt.Errorf("list this machine's addresses: %w", err)
	}
	for range 100 {
		first := fmt.Sprintf("10.%d", 128+rand.IntN(80))
		candidate := netip.MustParsePrefix(first + ".0.0/16")
		if !overlaps(candidate, taken) {
			return first, nil
		}
	}
	return "", errors.New("no private network between 10.128.0.0 and 10.207.255.255 is free")
}

func overlaps(candidate netip.Prefix, taken []net.Addr) bool {
	for _, address := range taken {
		if network, err := netip.ParsePrefix(address.String()); err == nil && network.Overlaps(candidate) {
			return true
		}
	}
	return false
}
