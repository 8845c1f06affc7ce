package connect

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/hashicorp/consul/api"
)

func (c *Client) watchInstances(ctx context.Context, upstream string) {
	instances := c.instances[upstream]
	c.watch(ctx, "instances of "+upstream, func(q *api.QueryOptions) (*api.QueryMeta, error) {
		entries, meta, err := c.http.Health().Connect(upstream, "", true, q)
		if err != nil {
			return nil, fmt.Errorf("watch instances: %w", err)
		}
		list := make([]string, 0, len(entries))
		for _, e := range entries {
			host := e.Service.Address
			if host == "" {
				host = e.Node.Address
			}
			list = append(list, net.JoinHostPort(host, strconv.Itoa(e.Service.Port)))
		}
		instances.store(list)
		return meta, nil
	})
}

// Instances returns where the healthy instances of an upstream accept mesh connections, each as host:port,
// whether that is known yet, and a channel that closes when it changes.
func (c *Client) Instances(upstream string) (addresses []string, known bool, changed <-chan struct{}) {
	l := c.instances[upstream]
	if l == nil {
		return nil, true, nil
	}
	return l.load()
}
