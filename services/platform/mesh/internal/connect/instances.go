package connect

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/hashicorp/consul/api"
)

func (c *Client) watchInstances(ctx context.Context, upstream string) {
	instances := c.instances[upstream]
	c.watch(ctx, "instances of "+upstream, func(q *api.QueryOptions) (*api.QueryMeta, error) {
		entries, meta, err := c.http.Health().Connect(upstream, "", false, q)
		if err != nil {
			return nil, fmt.Errorf("watch instances: %w", err)
		}
		var found places
		for _, e := range entries {
			host := e.Service.Address
			if host == "" {
				host = e.Node.Address
			}
			address := net.JoinHostPort(host, strconv.Itoa(e.Service.Port))
			switch {
			case e.Checks.AggregatedStatus() == api.HealthPassing:
				found.healthy = append(found.healthy, address)
			case hangs(e.Checks):
				found.hung = append(found.hung, address)
			}
		}
		instances.store(found)
		return meta, nil
	})
}

// places are where the instances of an upstream accept mesh connections, as host:port.
type places struct{ healthy, hung []string }

// hangs tells that an instance, or its data plane, doesn't move any more. One that is merely not ready may be finishing
// what it was asked. An agent that starts anew gives every check as critical, without a word, until it hears of it: that
// says something of the agent alone.
func hangs(checks api.HealthChecks) bool {
	for _, check := range checks {
		if strings.HasPrefix(check.CheckID, moves) && check.Status == api.HealthCritical && check.Output != "" {
			return true
		}
	}
	return false
}

// Instances returns where the healthy instances of an upstream are and those that hang, whether that is known yet, and a
// channel that closes when it changes.
func (c *Client) Instances(upstream string) (healthy, hung []string, known bool, changed <-chan struct{}) {
	l, ok := c.instances[upstream]
	if !ok {
		return nil, nil, true, nil // not in topology.yaml: it never has any
	}
	found, known, changed := l.load()
	return found.healthy, found.hung, known, changed
}
