package upstream

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"redoubt.example/services/platform/fault"
)

// grpcRetry is retrying, for unary calls. A stream isn't repeated: part of it may have been used.
type grpcRetry struct {
	budget     *budget
	timeout    time.Duration
	idempotent sync.Map // method -> bool
}

func (g *grpcRetry) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	g.budget.earn()
	safe := g.repeatable(ctx, method)
	again := retrying{budget: g.budget}
	for try := 1; ; try++ {
		tryCtx, cancel := context.WithTimeout(ctx, g.timeout)
		err := invoke(tryCtx, method, req, reply, cc, opts...)
		cancel()
		if !safe || try == maxTries || !passingStatus(err) || !again.again(ctx, try) {
			return err
		}
	}
}

func passingStatus(err error) bool {
	if err == nil || fault.KindOf(err) == fault.BreakerOpen || fault.BehindStatus(err) {
		return false
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded:
		return fault.RetryDelay(fault.FromStatus(err)) == 0 // an upstream that says when is taken at its word
	}
	return false
}

func (g *grpcRetry) repeatable(ctx context.Context, method string) bool {
	if md, ok := metadata.FromOutgoingContext(ctx); ok && len(md.Get(IdempotencyKey)) > 0 {
		return true
	}
	if known, ok := g.idempotent.Load(method); ok {
		return known.(bool)
	}
	declared := declaredIdempotent(method)
	g.idempotent.Store(method, declared)
	return declared
}

// declaredIdempotent looks the method up in the linked-in .proto.
func declaredIdempotent(method string) bool {
	name := strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", ".")
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return false
	}
	options, ok := d.Options().(*descriptorpb.MethodOptions)
	return ok && options.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
}

// grpcFailure types the error of a call: the upstream's own fault, or what became of the connection.
func grpcFailure(ctx context.Context, upstream string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if fault.KindOf(err) == fault.BreakerOpen {
		return err
	}
	typed := fault.FromStatus(err)
	switch fault.KindOf(typed) {
	case fault.Canceled:
		if ctx.Err() == nil { // the upstream's own doing: to our caller it failed
			return fault.Wrap(fault.UpstreamFailed, err, "%s gave up", upstream)
		}
	case fault.Unavailable:
		if fault.Message(typed) == fault.Unavailable.Title() { // no text of a service's: the connection failed
			return fault.Wrap(fault.UpstreamFailed, err, "%s can't be reached", upstream)
		}
	case fault.Timeout:
		return fault.Wrap(fault.Timeout, err, "%s took too long", upstream)
	case fault.Internal:
		return failure(ctx, upstream, err)
	}
	return typed
}
