package controlplane

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// ports are the lab's own, so that labs side by side don't collide.
type ports struct {
	Vault, VaultCluster                           int
	ConsulHTTPS, ConsulGRPC, ConsulRPC, ConsulLAN int
	Postgres                                      int
}

// usualPorts are those of servers that have an address of their own.
var usualPorts = ports{
	Vault: 8200, VaultCluster: 8201, ConsulHTTPS: 8501, ConsulGRPC: 8503, ConsulRPC: 8300, ConsulLAN: 8301, Postgres: 5432,
}

// Ports are taken from below the range that Linux gives outgoing connections (32768 and up): a server that is
// restarted then finds its port still free.
const lowestPort, highestPort = 20000, 32000

func freePorts() (ports, error) {
	var p ports
	taken := map[int]bool{}
	for _, port := range []*int{
		&p.Vault, &p.VaultCluster, &p.ConsulHTTPS, &p.ConsulGRPC, &p.ConsulRPC, &p.ConsulLAN, &p.Postgres,
	} {
		free, err := freePort(taken)
		if err != nil {
			return ports{}, err
		}
		*port = free
	}
	return p, nil
}

func freePort(taken map[int]bool) (int, error) {
	for range 200 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if !taken[port] && isFree(port) {
			taken[port] = true
			return port, nil
		}
	}
	return 0, errors.New("no free port on 127.0.0.1 between 20000 and 32000")
}

// isFree tries both protocols: Consul's gossip uses UDP and TCP on one port.
func isFree(port int) bool {
	tcp, err := net.Listen("tcp", local(port))
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", local(port))
	if err != nil {
		return false
	}
	return udp.Close() == nil
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// Listening says what each server listens on by its configuration: "tcp 127.0.0.1:21000", "unix /path".
func (p *Plane) Listening() map[string][]string {
	at := func(protocol string, port int) string { return protocol + " " + local(port) }
	return map[string][]string{
		// Vault's cluster port is the next after its own, unless its listener says another.
		Vault: {at("tcp", p.ports.Vault), at("tcp", p.ports.Vault+1)},
		Consul: {at("tcp", p.ports.ConsulHTTPS), at("tcp", p.ports.ConsulGRPC), at("tcp", p.ports.ConsulRPC), at("tcp", p.ports.ConsulLAN),
			at("udp", p.ports.ConsulLAN)},
		Postgres: {at("tcp", p.ports.Postgres), "unix " + p.path(Postgres, ".s.PGSQL."+strconv.Itoa(p.ports.Postgres))},
	}
}
