package grpcserver

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"redoubt.example/services/platform/boundary"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/servertiming"
	"redoubt.example/services/platform/telemetry"
)

// guard is the boundary as interceptors. The boundary is set before the server serves.
type guard struct {
	boundary *boundary.Boundary
}

func (g *guard) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (resp any, err error) {
	ctx, cancel := context.WithTimeout(ctx, boundary.RequestTimeout)
	defer cancel()
	err = g.pass(ctx, info.FullMethod, func(ctx context.Context) error {
		resp, err = handle(ctx, req)
		return err
	})
	return resp, err
}

func (g *guard) stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	ctx, cancel := context.WithTimeout(s.Context(), boundary.StreamTimeout)
	defer cancel()
	return g.pass(ctx, info.FullMethod, func(ctx context.Context) error {
		return handle(srv, &stream{ServerStream: s, ctx: ctx})
	})
}

// pass takes one call through the boundary; its error is fit for the wire.
func (g *guard) pass(ctx context.Context, method string, handle func(context.Context) error) error {
	header := boundary.Header(func(name string) []string { return metadata.ValueFromIncomingContext(ctx, name) })
	ctx, request := g.boundary.Enter(ctx, header)
	err := recovered(ctx, func() (err error) {
		if ctx, err = request.Admit(ctx, method, header); err != nil {
			return err
		}
		defer controls.Begin(ctx, controls.Application).End()
		return handle(ctx)
	})
	code := http.StatusOK
	if err != nil {
		code = httpStatus(err)
	}
	request.Leave(ctx, code, err)
	if timing := request.Timing(ctx); timing != "" {
		_ = grpc.SetTrailer(ctx, metadata.Pairs(servertiming.Metadata, timing)) // fails only outside of a call
	}
	return fault.ToStatus(err)
}

// httpStatus maps err as the HTTP side would, so that one table serves both.
func httpStatus(err error) int {
	kind := fault.KindOf(err)
	if _, isStatus := status.FromError(err); isStatus && kind == fault.Internal {
		kind = fault.KindOf(fault.FromStatus(err)) // a library's own error
	}
	return kind.HTTPStatus()
}

func recovered(ctx context.Context, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			telemetry.Log(ctx).ErrorContext(ctx, "panic", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = fault.Wrap(fault.Internal, fmt.Errorf("panic: %v", v), "internal error")
		}
	}()
	return f()
}

// stream is a ServerStream whose context has passed the boundary.
type stream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *stream) Context() context.Context { return s.ctx }
