package upstream

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/breaker"
	"redoubt.example/services/platform/telemetry"
)

// GRPC returns a connection to the named upstream, with the same behaviour as HTTP's client by interceptors.
// A unary call is tried again when its method is declared NO_SIDE_EFFECTS or IDEMPOTENT in its .proto, or
// when its outgoing metadata has idempotency-key. It connects on first use; the caller closes it.
func GRPC(m Dialer, name string, opts ...Option) (*grpc.ClientConn, error) {
	o := apply(opts)
	b := breaker.New(name, o.log, o.metrics)
	again := &grpcRetry{budget: newBudget(name, o.metrics), timeout: o.timeout}
	out := &grpcOutgoing{upstream: name}
	target, resolve := grpcLanes(name)
	conn, err := grpc.NewClient(target, resolve, grpc.WithDefaultServiceConfig(leastBusyConfig),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return m.Dial(ctx, name) }),
		grpc.WithTransportCredentials(meshCredentials{}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: dialTimeout,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 5 * time.Second}),
		grpc.WithIdleTimeout(0), // a dial on the next request would cost it a handshake
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(), // retries are ours, see grpcRetry
		grpc.WithDisableRetry(),
		grpc.WithChainUnaryInterceptor(out.unary, again.unary, b.Unary, out.call),
		grpc.WithChainStreamInterceptor(out.stream, b.Stream),
	)
	if err != nil {
		return nil, fmt.Errorf("make connection to %s: %w", name, err)
	}
	return conn, nil
}

// meshCredentials stand for security that the mesh has already provided: the only dialer of these connections
// is mesh.Dial, which returns either the unix socket to our own sidecar (0600, our uid) or a connection that
// the mesh has itself made mutual TLS on. Wrapping that in gRPC's TLS would only hide the hop from the mesh.
type meshCredentials struct{}

// MeshInfo is the AuthInfo of a connection that the mesh dialled.
type MeshInfo struct{ credentials.CommonAuthInfo }

// AuthType implements credentials.AuthInfo.
func (MeshInfo) AuthType() string { return "mesh" }

func (meshCredentials) ClientHandshake(_ context.Context, _ string, c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c, MeshInfo{credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}, nil
}

func (meshCredentials) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, fmt.Errorf("mesh credentials of a client can't serve")
}

func (meshCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "mesh"}
}

func (m meshCredentials) Clone() credentials.TransportCredentials { return m }

func (meshCredentials) OverrideServerName(string) error { return nil }

// grpcOutgoing is the outermost interceptor: the transaction's metadata out, typed errors back.
type grpcOutgoing struct{ upstream string }

func (o *grpcOutgoing) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return grpcFailure(ctx, o.upstream, invoke(withMetadata(ctx), method, req, reply, cc, opts...))
}

func withMetadata(ctx context.Context) context.Context {
	md, _ := metadata.FromOutgoingContext(ctx)
	md = md.Copy()
	if md == nil {
		md = metadata.MD{}
	}
	// Set, not added: what the context holds was verified.
	set := func(key, value string) {
		delete(md, key)
		if value != "" {
			md.Set(key, value)
		}
	}
	set(authn.MetadataKey, transactionToken(ctx))
	set(telemetry.RequestIDMetadata, telemetry.RequestID(ctx))
	set(telemetry.TraceparentMetadata, telemetry.Traceparent(ctx))
	return metadata.NewOutgoingContext(ctx, md)
}
