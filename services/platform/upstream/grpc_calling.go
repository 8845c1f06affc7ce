package upstream

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/servertiming"
)

// call is calling for unary calls: the innermost interceptor.
func (o *grpcOutgoing) call(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	call := controls.BeginCall(ctx, o.upstream)
	if !authn.WantsTiming(ctx) {
		defer call.End()
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	var trailer metadata.MD
	err := invoke(ctx, method, req, reply, cc, append(opts[:len(opts):len(opts)], grpc.Trailer(&trailer))...)
	call.Answered(timingIn(trailer))
	return err
}

func timingIn(trailer metadata.MD) string {
	return strings.Join(trailer.Get(servertiming.Metadata), ", ")
}

func (o *grpcOutgoing) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	whole := authn.WantsTiming(ctx)
	var call controls.Call
	if whole {
		call = controls.BeginCall(ctx, o.upstream)
	}
	s, err := open(withMetadata(ctx), desc, cc, method, opts...)
	if err != nil {
		call.End()
		return nil, grpcFailure(ctx, o.upstream, err)
	}
	return &typedStream{ClientStream: s, ctx: ctx, upstream: o.upstream, whole: whole, call: call}, nil
}

// typedStream enters the wait for each message, or, for who wants to know more, that for the whole stream, which
// ends with the upstream's trailer.
type typedStream struct {
	grpc.ClientStream
	ctx      context.Context
	upstream string
	whole    bool
	call     controls.Call // of the whole stream; the zero value once it has ended
}

func (s *typedStream) RecvMsg(m any) error {
	if !s.whole {
		defer controls.Begin(s.ctx, controls.Upstream(s.upstream)).End()
	}
	err := s.ClientStream.RecvMsg(m)
	if err != nil {
		s.call.Answered(timingIn(s.Trailer()))
		s.call = controls.Call{}
	}
	return grpcFailure(s.ctx, s.upstream, err)
}
