// Package grpcserver serves a service's gRPC methods to the mesh; it is httpserver's counterpart.
package grpcserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"redoubt.example/services/platform/boundary"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/mesh"
)

const (
	maxStreams = 256 // at once on one connection
	minPing    = 10 * time.Second
	// A connection is given notice (GOAWAY) at that age, and its calls have that long to finish, which is more than
	// the gateway gives a request: clients dial again, and so find a replica that has come since.
	connectionAge = 15 * time.Second
	finishWithin  = 15 * time.Second
)

// Config is what the server needs to guard its methods.
type Config = boundary.Config

// Server serves one service's methods.
type Server struct {
	grpc *grpc.Server
}

// New returns a server for what register registers, which must be exactly the methods that topology.yaml lists
// for the workload.
func New(cfg Config, register func(*grpc.Server)) (*Server, error) {
	g := &guard{}
	server := grpc.NewServer(
		grpc.Creds(mesh.ServerCredentials()),
		grpc.ChainUnaryInterceptor(g.unary),
		grpc.ChainStreamInterceptor(g.stream),
		grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return fault.New(fault.NotFound, "no such method") }),
		grpc.MaxRecvMsgSize(boundary.MaxBody),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(5*time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: connectionAge, MaxConnectionAgeGrace: finishWithin}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
	)
	register(server)
	var methods []string
	for service, info := range server.GetServiceInfo() {
		for _, m := range info.Methods {
			methods = append(methods, "/"+service+"/"+m.Name)
		}
	}
	b, err := boundary.New(cfg, methods)
	if err != nil {
		return nil, fmt.Errorf("make gRPC server: %w", err)
	}
	g.boundary = b
	return &Server{grpc: server}, nil
}

// Serve serves the mesh listener until ctx ends, then lets open calls finish for boundary.DrainTimeout. It
// closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- s.grpc.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	cut := time.AfterFunc(boundary.DrainTimeout, s.grpc.Stop)
	s.grpc.GracefulStop()
	if !cut.Stop() {
		return fault.New(fault.Timeout, "calls were cut off after %v", boundary.DrainTimeout)
	}
	if err := <-ended; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
