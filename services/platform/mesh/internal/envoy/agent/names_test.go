package agent

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// update is what Consul sends of a service with instances at these addresses.
func update(t *testing.T, addresses ...string) []byte {
	t.Helper()
	load := &endpoint.ClusterLoadAssignment{ClusterName: "payments", Endpoints: []*endpoint.LocalityLbEndpoints{{}}}
	for _, a := range addresses {
		at := &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{Address: a,
			PortSpecifier: &core.SocketAddress_PortValue{PortValue: 20000}}}}
		load.Endpoints[0].LbEndpoints = append(load.Endpoints[0].LbEndpoints, &endpoint.LbEndpoint{
			HealthStatus:   core.HealthStatus_HEALTHY,
			HostIdentifier: &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{Address: at}}})
	}
	packed, err := anypb.New(load)
	require.NoError(t, err)
	raw, err := proto.Marshal(&discovery.DeltaDiscoveryResponse{TypeUrl: endpointType, Nonce: "7",
		Resources: []*discovery.Resource{{Name: "payments", Version: "v1", Resource: packed}}})
	require.NoError(t, err)
	return raw
}

// read returns an update's version and addresses.
func read(t *testing.T, raw []byte) (version string, addresses []string) {
	t.Helper()
	var got discovery.DeltaDiscoveryResponse
	require.NoError(t, proto.Unmarshal(raw, &got))
	require.Equal(t, "7", got.Nonce)
	var load endpoint.ClusterLoadAssignment
	require.NoError(t, got.Resources[0].Resource.UnmarshalTo(&load))
	for _, e := range load.Endpoints[0].LbEndpoints {
		require.Equal(t, core.HealthStatus_HEALTHY, e.HealthStatus)
		require.Equal(t, uint32(20000), socketOf(e).GetPortValue())
		addresses = append(addresses, socketOf(e).Address)
	}
	return got.Resources[0].Version, addresses
}

// places is a resolver of a fixed few names.
func places(known map[string]string) func(context.Context, string) ([]string, error) {
	return func(_ context.Context, name string) ([]string, error) {
		if address := known[name]; address != "" {
			return []string{address}, nil
		}
		return nil, errors.New("no such host")
	}
}

func TestNamesBecomeAddresses(t *testing.T) {
	dns := map[string]string{"payments-sidecar": "10.213.0.35"}
	n := newNames()
	n.lookup = places(dns)
	resolve := func(raw []byte) []byte {
		got, err := n.resolve(t.Context(), raw)
		require.NoError(t, err)
		return got
	}
	given := update(t, "127.0.0.1", "::1")
	require.Equal(t, given, resolve(given), "what has no name stays as it is")
	version, addresses := read(t, resolve(update(t, "payments-sidecar", "127.0.0.1")))
	require.Equal(t, []string{"10.213.0.35", "127.0.0.1"}, addresses)

	dns["payments-sidecar"] = "10.213.0.36"
	moved, addresses := read(t, resolve(update(t, "payments-sidecar", "127.0.0.1")))
	require.Equal(t, []string{"10.213.0.36", "127.0.0.1"}, addresses)
	require.NotEqual(t, version, moved, "with the same version, Consul wouldn't send it again")

	delete(dns, "payments-sidecar")
	_, addresses = read(t, resolve(update(t, "payments-sidecar", "127.0.0.1")))
	require.Equal(t, []string{"127.0.0.1"}, addresses, "nowhere to send anything")
	_, err := n.resolve(t.Context(), []byte("no message"))
	require.Error(t, err)
}

// TestAnotherAddressIsNoticed: also the first one that a name has; one that it loses isn't.
func TestAnotherAddressIsNoticed(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		noticed       bool
	}{
		"same":    {"10.213.0.35", "10.213.0.35", false},
		"other":   {"10.213.0.35", "10.213.0.36", true},
		"first":   {"", "10.213.0.36", true},
		"missing": {"10.213.0.35", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dns := map[string]string{"payments-sidecar": c.before}
				n := newNames()
				n.lookup = places(dns)
				_, err := n.resolve(t.Context(), update(t, "payments-sidecar"))
				require.NoError(t, err)
				dns["payments-sidecar"] = c.after
				ctx, cancel := context.WithTimeout(t.Context(), 10*lookupEvery+time.Millisecond)
				defer cancel()
				if err := n.changed(ctx); c.noticed {
					require.ErrorContains(t, err, "payments-sidecar")
				} else {
					require.NoError(t, err)
				}
			})
		})
	}
}
