package mesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// GRPC is one call. The message is its encoding: see protobuf.
type GRPC struct {
	Address string     `js:"address"`
	TLS     *TLS       `js:"tls"`
	Prefix  Bytes      `js:"prefix"`
	Method  string     `js:"method"` // /package.Service/Method
	Headers [][]string `js:"headers"`
	Message Bytes      `js:"message"`
	Timeout int        `js:"timeout"`
}

// Reply is what came back.
type Reply struct {
	Failure
	Code     string            `js:"code"` // OK, PERMISSION_DENIED, ...: grpc's own names
	Reason   string            `js:"reason"`
	Messages []string          `js:"messages"` // encoded; more than one of a stream
	Headers  map[string]string `js:"headers"`
	Trailers map[string]string `js:"trailers"`
	Local    string            `js:"local"`
}

func (i *instance) grpc(g GRPC) (*Reply, error) {
	if _, _, err := i.guard.Target(g.Address); err != nil {
		return nil, err
	}
	ctx, cancel := limit(i.vu.Context(), g.Timeout)
	defer cancel()
	out := &Reply{Headers: map[string]string{}, Trailers: map[string]string{}}
	var mu sync.Mutex
	var dialError error
	conn, err := grpc.NewClient("passthrough:///lab", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry(),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			if g.TLS != nil && len(g.TLS.ALPN) == 0 {
				g.TLS.ALPN = []string{"h2"}
			}
			conn, err := i.open(ctx, g.Address, g.Prefix, g.TLS)
			mu.Lock()
			defer mu.Unlock()
			out.Local, dialError = localAddr(conn), err
			if err != nil && conn != nil {
				conn.Close()
			}
			return conn, err
		}))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	err = out.call(ctx, conn, g)
	mu.Lock()
	defer mu.Unlock()
	if dialError != nil {
		err = dialError
	}
	return out, failed(err, &out.Failure)
}

func (r *Reply) call(ctx context.Context, conn *grpc.ClientConn, g GRPC) error {
	for _, h := range g.Headers {
		ctx = metadata.AppendToOutgoingContext(ctx, h[0], h[1])
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, g.Method, grpc.ForceCodec(asIs{}))
	if err == nil {
		if err = stream.SendMsg([]byte(g.Message)); err == nil || errors.Is(err, io.EOF) {
			err = stream.CloseSend()
		}
		for err == nil {
			var got []byte
			if err = stream.RecvMsg(&got); err == nil {
				r.Messages = append(r.Messages, string(got))
			}
		}
		header, _ := stream.Header()
		flattenMetadata(header, r.Headers)
		flattenMetadata(stream.Trailer(), r.Trailers)
	}
	if errors.Is(err, io.EOF) {
		r.Code = "OK"
		return nil
	}
	s := status.Convert(err)
	r.Code, r.Reason = strings.ToUpper(snake(s.Code())), s.Message()
	if s.Code() == codes.Unavailable { // nobody answered
		return err
	}
	return nil
}

func snake(c codes.Code) string {
	var out strings.Builder
	for i, r := range c.String() {
		if i > 0 && r >= 'A' && r <= 'Z' {
			out.WriteByte('_')
		}
		out.WriteRune(r)
	}
	return out.String()
}

func flattenMetadata(from metadata.MD, into map[string]string) {
	for name, values := range from {
		into[name] = strings.Join(values, ", ")
	}
}

// asIs passes messages that are encoded already.
type asIs struct{}

func (asIs) Name() string { return "proto" }
func (asIs) Marshal(v any) ([]byte, error) {
	raw, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("not bytes: %T", v)
	}
	return raw, nil
}

func (asIs) Unmarshal(data []byte, v any) error {
	into, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("not bytes: %T", v)
	}
	*into = append([]byte{}, data...)
	return nil
}
