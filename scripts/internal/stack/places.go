package stack

import (
	"context"
	"fmt"
	"net"
	"strconv"

	consul "github.com/hashicorp/consul/api"

	"redoubt.example/scripts/internal/control"
)

// stranger is a user that is nobody's: what an attacker without a workload runs as.
const stranger = firstUser + 900

// Places says where things are, and whose: what an attack's vantage point is made of. It holds no secret.
func (s *Stack) Places(ctx context.Context) (control.Places, error) {
	p := control.Places{
		Vault: s.plane.VaultAddr[len("https://"):], ConsulHTTP: s.plane.ConsulHTTP, ConsulGRPC: s.plane.ConsulGRPC, Postgres: s.plane.PostgresAddr,
		Isolated: s.Users.Isolated, Users: map[string]control.User{}, Folders: map[string]string{}, Mesh: map[string][]string{},
	}
	if s.Users.Isolated {
		p.Stranger = control.User{UID: stranger, GID: stranger}
	}
	for _, w := range s.instances {
		uid, gid := s.Users.Of(w.name)
		p.Users[w.name], p.Folders[w.name] = control.User{UID: uid, GID: gid}, s.folder(w.name)
	}
	err := s.plane.AsConsulOperator(ctx, func(c *consul.Client) error {
		for _, service := range s.topology.Names() {
			instances, _, err := c.Health().Connect(service, "", true, (&consul.QueryOptions{RequireConsistent: true}).WithContext(ctx))
			if err != nil {
				return fmt.Errorf("ask Consul for the instances of %s: %w", service, err)
			}
			for _, i := range instances {
				p.Mesh[service] = append(p.Mesh[service], net.JoinHostPort(i.Service.Address, strconv.Itoa(i.Service.Port)))
			}
		}
		return nil
	})
	return p, err
}
