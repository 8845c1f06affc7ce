package agent

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
)

// endpointType is the resource that says where a service's instances are.
const endpointType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"

// lookupEvery is how often names are asked for again: a container that is started anew may have another address.
const lookupEvery = 2 * time.Second

// names puts addresses in the place of names in what Consul says of where instances are.
//
// A container shares a network with each of its peers and has another address on each, so Consul has it by name. Envoy takes
// no name there: its EDS doesn't resolve. Whoever asks resolves it as seen from its own container.
type names struct {
	lookup func(ctx context.Context, name string) ([]string, error)

	mu    sync.Mutex
	known map[string]string // a name's address, "" where it has none
}

func newNames() *names {
	return &names{lookup: net.DefaultResolver.LookupHost, known: map[string]string{}}
}

// resolve is a message of Consul's with addresses only; the message itself where it has no name. An instance whose name has no
// address is left out. A resource's version names the addresses, too: when one changes, Consul is told of a version that it
// doesn't know, and sends the resource again.
func (n *names) resolve(ctx context.Context, message []byte) ([]byte, error) {
	var update discovery.DeltaDiscoveryResponse
	if err := proto.Unmarshal(message, &update); err != nil {
		return nil, fmt.Errorf("read an update of Consul's: %w", err)
	}
	if update.TypeUrl != endpointType {
		return message, nil
	}
	changed := false
	for _, resource := range update.Resources {
		var load endpoint.ClusterLoadAssignment
		if err := resource.GetResource().UnmarshalTo(&load); err != nil {
			return nil, fmt.Errorf("read endpoints of Consul's: %w", err)
		}
		found := n.replace(ctx, &load)
		if found == "" {
			continue
		}
		if err := resource.Resource.MarshalFrom(&load); err != nil {
			return nil, fmt.Errorf("write endpoints: %w", err)
		}
		resource.Version += found
		changed = true
	}
	if !changed {
		return message, nil
	}
	return proto.Marshal(&update)
}

// replace returns what it found, "" where there was no name.
func (n *names) replace(ctx context.Context, load *endpoint.ClusterLoadAssignment) (found string) {
	for _, place := range load.Endpoints {
		place.LbEndpoints = slices.DeleteFunc(place.LbEndpoints, func(e *endpoint.LbEndpoint) bool {
			at := socketOf(e)
			if at == nil || net.ParseIP(at.Address) != nil {
				return false
			}
			address := n.find(ctx, at.Address)
			found += "@" + cmp.Or(address, "nowhere")
			at.Address = address
			return address == ""
		})
	}
	return found
}

func socketOf(e *endpoint.LbEndpoint) *core.SocketAddress {
	return e.GetEndpoint().GetAddress().GetSocketAddress()
}

// find asks for a name's address, and remembers it.
func (n *names) find(ctx context.Context, name string) string {
	address := n.ask(ctx, name)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known[name] = address
	return address
}

func (n *names) ask(ctx context.Context, name string) string {
	ctx, cancel := context.WithTimeout(ctx, lookupEvery)
	defer cancel()
	found, err := n.lookup(ctx, name)
	if err != nil || len(found) == 0 {
		return ""
	}
	return slices.Min(found)
}

// changed returns once a name has another address than it was told to have, or ctx ends: then nil. A name that has none for
// now keeps what it had: its container may only be restarting.
func (n *names) changed(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookupEvery):
		}
		n.mu.Lock()
		known := maps.Clone(n.known)
		n.mu.Unlock()
		for name, before := range known {
			if now := n.ask(ctx, name); now != "" && now != before && ctx.Err() == nil {
				return fmt.Errorf("%s has another address", name)
			}
		}
	}
}
