package mesh

import (
	"fmt"
	"net"
	"net/netip"
	"os"
)

// widest is the largest network that a lab of containers has.
const widest = 16

// Within has the guard let through to the private network of a lab of containers, beside loopback. It refuses where this
// process could reach anything else by it: it has to be the one that a container was started for, and each interface there
// has to be on that network. A process of a machine's own is never the first.
func (g *Guard) Within(network string) error {
	lab, err := netip.ParsePrefix(network)
	if err != nil || lab != lab.Masked() || !lab.Addr().IsPrivate() || !lab.Addr().Is4() || lab.Bits() < widest {
		return fmt.Errorf("%q is no private network of a lab: %w", network, ErrConfined)
	}
	if os.Getpid() != 1 {
		return fmt.Errorf("no container was started for this process: %w", ErrConfined)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return fmt.Errorf("list the addresses here: %w", err)
	}
	if err := allWithin(lab, addresses); err != nil {
		return err
	}
	g.lab = lab
	return nil
}

func allWithin(lab netip.Prefix, addresses []net.Addr) error {
	for _, address := range addresses {
		here, err := netip.ParsePrefix(address.String())
		if err != nil || !here.Addr().IsLoopback() && !lab.Contains(here.Addr()) {
			return fmt.Errorf("this isn't a container of the lab: it has the address %s: %w", address, ErrConfined)
		}
	}
	return nil
}
