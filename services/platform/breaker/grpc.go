package breaker

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"redoubt.example/services/platform/fault"
)

// Unary is the breaker for unary calls.
func (b *Breaker) Unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	done, err := b.allow(ctx)
	if err != nil {
		return err
	}
	err = invoke(ctx, method, req, reply, cc, opts...)
	done(outcome(ctx, err))
	return err
}

// Stream is the breaker for streams. A stream counts once: as soon as the first message proves the upstream
// alive, or when it ends without one.
func (b *Breaker) Stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	done, err := b.allow(ctx)
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, desc, cc, method, opts...)
	if err != nil {
		done(outcome(ctx, err))
		return nil, err
	}
	g := &guardedStream{ClientStream: s}
	g.report = func(err error) { g.once.Do(func() { done(outcome(ctx, err)) }) }
	// A caller that gives up without ever receiving must not hold a probe's place for good.
	g.forget = context.AfterFunc(ctx, func() { g.report(ctx.Err()) })
	return g, nil
}

type guardedStream struct {
	grpc.ClientStream
	once   sync.Once
	report func(error)
	forget func() bool
}

func (g *guardedStream) RecvMsg(m any) error {
	err := g.ClientStream.RecvMsg(m)
	g.forget()
	g.report(err)
	return err
}

// outcome is how a call's end counts: only codes that tell of a broken or overloaded upstream are failures.
func outcome(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, io.EOF) || fault.BehindStatus(err) {
		return nil
	}
	if ctx.Err() == context.Canceled {
		return context.Canceled
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.Internal, codes.Unknown, codes.DataLoss, codes.DeadlineExceeded:
		return err
	}
	return nil
}
