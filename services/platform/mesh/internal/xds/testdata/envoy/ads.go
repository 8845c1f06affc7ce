package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net"
	"strings"
	"sync"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

const (
	clusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	endpointType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"
)

// envoy is what is configured, kept when the stream to Consul ends, and who listens by it.
type envoy struct {
	boot bootstrap
	ads  string

	mu        sync.Mutex
	clusters  map[string]*cluster.Cluster
	endpoints map[string]*endpoint.ClusterLoadAssignment
	listeners map[string]*listener.Listener
	open      map[string]string // listeners that have been opened, and their socket
	turn      int
}

func newEnvoy(b bootstrap, ads string) *envoy {
	return &envoy{boot: b, ads: ads, clusters: map[string]*cluster.Cluster{}, endpoints: map[string]*endpoint.ClusterLoadAssignment{},
		listeners: map[string]*listener.Listener{}, open: map[string]string{}}
}

// ask keeps a stream to Consul.
func (e *envoy) ask(ctx context.Context) {
	conn, err := grpc.NewClient("unix:"+e.ads, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	for ctx.Err() == nil {
		err := e.follow(ctx, discovery.NewAggregatedDiscoveryServiceClient(conn))
		log.Print("xDS stream ended, another follows: ", err)
		time.Sleep(200 * time.Millisecond)
	}
}

func (e *envoy) follow(ctx context.Context, client discovery.AggregatedDiscoveryServiceClient) error {
	stream, err := client.DeltaAggregatedResources(ctx)
	if err != nil {
		return err
	}
	node := &core.Node{Id: e.boot.Node.ID, Cluster: e.boot.Node.Cluster, UserAgentName: "envoy"}
	for _, kind := range []string{clusterType, listenerType} {
		if err := stream.Send(&discovery.DeltaDiscoveryRequest{Node: node, TypeUrl: kind}); err != nil {
			return err
		}
	}
	asked := map[string]bool{}
	for {
		update, err := stream.Recv()
		if err != nil {
			return err
		}
		if err := e.take(update); err != nil {
			log.Fatal("stand-in for envoy: ", err)
		}
		if err := stream.Send(&discovery.DeltaDiscoveryRequest{TypeUrl: update.TypeUrl, ResponseNonce: update.Nonce}); err != nil {
			return err
		}
		more := &discovery.DeltaDiscoveryRequest{TypeUrl: endpointType}
		for name, c := range e.clusters {
			if c.GetType() == cluster.Cluster_EDS && !asked[name] {
				asked[name] = true
				more.ResourceNamesSubscribe = append(more.ResourceNamesSubscribe, name)
			}
		}
		if len(more.ResourceNamesSubscribe) > 0 {
			if err := stream.Send(more); err != nil {
				return err
			}
		}
	}
}

func (e *envoy) take(update *discovery.DeltaDiscoveryResponse) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range update.Resources {
		var into proto.Message
		switch update.TypeUrl {
		case clusterType:
			e.clusters[r.Name] = &cluster.Cluster{}
			into = e.clusters[r.Name]
		case endpointType:
			e.endpoints[r.Name] = &endpoint.ClusterLoadAssignment{}
			into = e.endpoints[r.Name]
		case listenerType:
			e.listeners[r.Name] = &listener.Listener{}
			into = e.listeners[r.Name]
		default:
			return fmt.Errorf("a resource of type %s", update.TypeUrl)
		}
		if err := r.Resource.UnmarshalTo(into); err != nil {
			return err
		}
		if err := onlyAddresses(e.endpoints[r.Name]); err != nil {
			return err
		}
	}
	for name, l := range e.listeners {
		if _, ok := e.open[name]; ok {
			continue
		}
		e.open[name] = l.Address.GetPipe().GetPath()
		if err := e.start(name, l); err != nil {
			return fmt.Errorf("listener %s: %w", name, err)
		}
	}
	return nil
}

// onlyAddresses refuses names, which Envoy's EDS doesn't resolve.
func onlyAddresses(load *endpoint.ClusterLoadAssignment) error {
	for _, place := range load.GetEndpoints() {
		for _, at := range place.LbEndpoints {
			if address := at.GetEndpoint().GetAddress().GetSocketAddress(); address != nil && net.ParseIP(address.Address) == nil {
				return fmt.Errorf("malformed IP address: %s", address.Address)
			}
		}
	}
	return nil
}

func (e *envoy) start(name string, l *listener.Listener) error {
	if strings.HasPrefix(name, "public_listener:") {
		return e.inbound(name, l)
	}
	return e.outbound(name, l)
}

func (e *envoy) ready() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.open) > 0
}

func (e *envoy) sockets() (paths []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, path := range e.open {
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// listener is a listener's configuration of the moment.
func (e *envoy) listener(name string) *listener.Listener {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.listeners[name]
}

func (e *envoy) leaf() *x509.Certificate {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, l := range e.listeners {
		if strings.HasPrefix(name, "public_listener:") {
			var c tlsv3.DownstreamTlsContext
			if l.FilterChains[0].TransportSocket.GetTypedConfig().UnmarshalTo(&c) == nil {
				if cert, _, err := credentials(c.CommonTlsContext); err == nil {
					return cert.Leaf
				}
			}
		}
	}
	return nil
}

// credentials are a certificate with its key, and whom to trust; of TLS 1.3 alone.
func credentials(c *tlsv3.CommonTlsContext) (cert tls.Certificate, roots *x509.CertPool, err error) {
	if c.GetTlsParams().GetTlsMinimumProtocolVersion() != tlsv3.TlsParameters_TLSv1_3 {
		return cert, nil, errors.New("TLS older than 1.3 is allowed")
	}
	own := c.TlsCertificates[0]
	cert, err = tls.X509KeyPair([]byte(own.GetCertificateChain().GetInlineString()), []byte(own.GetPrivateKey().GetInlineString()))
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(c.GetValidationContext().GetTrustedCa().GetInlineString())) && err == nil {
		err = errors.New("no roots to trust")
	}
	return cert, roots, err
}
