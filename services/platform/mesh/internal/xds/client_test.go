package xds_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"testing"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

const (
	clusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	endpointType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"
)

// envoy stands for one: it asks as its bootstrap says, and takes what it is given.
type envoy struct {
	stream    discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesClient
	listeners map[string]*listener.Listener
	clusters  map[string]*cluster.Cluster
	subscribe map[string]bool // the endpoints asked for
}

// ask begins an ADS stream.
func ask(t *testing.T, b bootstrap) *envoy {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM([]byte(b.ca)))
	conn, err := grpc.NewClient("passthrough:///"+b.address, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13})))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "x-consul-token", b.token), time.Minute)
	t.Cleanup(cancel)
	e := &envoy{listeners: map[string]*listener.Listener{}, clusters: map[string]*cluster.Cluster{}, subscribe: map[string]bool{}}
	e.stream, err = discovery.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	require.NoError(t, err)
	node := &core.Node{Id: b.node, Cluster: b.cluster, UserAgentName: "envoy"}
	for _, typeURL := range []string{clusterType, listenerType} {
		e.send(t, &discovery.DeltaDiscoveryRequest{Node: node, TypeUrl: typeURL})
	}
	return e
}

// until takes updates in until there is what is wanted.
func (e *envoy) until(t *testing.T, wanted func() bool) {
	t.Helper()
	for !wanted() {
		update, err := e.stream.Recv()
		require.NoError(t, err)
		e.take(t, update)
	}
}

func (e *envoy) take(t *testing.T, update *discovery.DeltaDiscoveryResponse) {
	t.Helper()
	ask := &discovery.DeltaDiscoveryRequest{TypeUrl: endpointType}
	for _, r := range update.Resources {
		switch update.TypeUrl {
		case listenerType:
			e.listeners[r.Name] = unpack(t, r.Resource, &listener.Listener{})
		case clusterType:
			c := unpack(t, r.Resource, &cluster.Cluster{})
			e.clusters[r.Name] = c
			if c.GetType() == cluster.Cluster_EDS && !e.subscribe[r.Name] {
				e.subscribe[r.Name] = true
				ask.ResourceNamesSubscribe = append(ask.ResourceNamesSubscribe, r.Name)
			}
		}
	}
	e.send(t, &discovery.DeltaDiscoveryRequest{TypeUrl: update.TypeUrl, ResponseNonce: update.Nonce})
	if len(ask.ResourceNamesSubscribe) > 0 {
		e.send(t, ask)
	}
}

func (e *envoy) send(t *testing.T, r *discovery.DeltaDiscoveryRequest) {
	t.Helper()
	if err := e.stream.Send(r); !errors.Is(err, io.EOF) { // a stream that Consul has ended: Recv says why
		require.NoError(t, err)
	}
}

// requireDenied is for a stream that Consul must not serve.
func (e *envoy) requireDenied(t *testing.T) {
	t.Helper()
	_, err := e.stream.Recv()
	require.Contains(t, []codes.Code{codes.PermissionDenied, codes.Unauthenticated}, status.Code(err), "%v", err)
}

func unpack[M proto.Message](t *testing.T, from *anypb.Any, into M) M {
	t.Helper()
	require.NotNil(t, from)
	require.NoError(t, from.UnmarshalTo(into))
	return into
}
