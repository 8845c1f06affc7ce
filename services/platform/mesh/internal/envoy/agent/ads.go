package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/accept"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/unixsock"
)

// adsMethod is the one that Envoy asks Consul with (xDS v3, incremental, aggregated).
const adsMethod = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"

func (a *Agent) adsSocket() string { return filepath.Join(a.cfg.RunDir, "ads.sock") }

// serveADS passes Envoy's xDS stream on to Consul, with the token of the moment: as Consul's own dataplane does, because a
// token got by login doesn't last and Envoy takes one only at its start. With each new token the stream begins anew, and when
// a peer that Consul has by name is at another address; Envoy keeps what it knows meanwhile.
func (a *Agent) serveADS(ctx context.Context) error {
	socket, err := unixsock.Listen(a.adsSocket())
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.ForceServerCodecV2(rawCodec{}), grpc.UnknownServiceHandler(a.passADS))
	stop := context.AfterFunc(ctx, server.Stop)
	defer stop()
	if err := server.Serve(accept.New(socket, a.ownUser)); !errors.Is(err, grpc.ErrServerStopped) && ctx.Err() == nil {
		return fmt.Errorf("serve xDS: %w", err)
	}
	return nil
}

// ownUser: what comes over that stream is the leaf with its key.
func (a *Agent) ownUser(_ context.Context, c net.Conn) (net.Conn, error) {
	peer, err := unixsock.Check(c.(*unixsock.Conn))
	if err != nil {
		_ = c.Close()
		(&identity.Refusal{Control: controls.MeshPeerCred, Reason: err.Error()}).Record(a.cfg.Log, peer.String())
		return nil, err
	}
	return c, nil
}

func (a *Agent) passADS(_ any, down grpc.ServerStream) error {
	if method, _ := grpc.MethodFromServerStream(down); method != adsMethod {
		return status.Error(codes.Unimplemented, "only the aggregated, incremental xDS")
	}
	token, changed, err := a.consul.Token(down.Context())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(down.Context())
	defer cancel(nil)
	known := newNames()
	go func() {
		select {
		case <-changed:
			cancel(status.Error(codes.Unavailable, "another token is in force"))
		case <-ctx.Done():
		}
	}()
	go func() {
		if moved := known.changed(ctx); moved != nil {
			a.cfg.Log.Info("xDS begins anew", "reason", moved.Error())
			cancel(status.Error(codes.Unavailable, moved.Error()))
		}
	}()
	up, err := a.consul.GRPC().NewStream(metadata.NewOutgoingContext(ctx, metadata.Pairs("x-consul-token", token)),
		&grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, adsMethod, grpc.ForceCodecV2(rawCodec{}))
	if err != nil {
		return err
	}
	go func() {
		err := pass(down, up, unchanged)
		if errors.Is(err, io.EOF) {
			err = up.CloseSend()
		}
		if err != nil {
			cancel(err)
		}
	}()
	err = pass(up, down, func(m []byte) ([]byte, error) { return known.resolve(ctx, m) })
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case context.Cause(ctx) != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	}
	a.consul.Refused(token, err)
	return err
}

// messages is either end of a stream.
type messages interface {
	RecvMsg(any) error
	SendMsg(any) error
}

func unchanged(m []byte) ([]byte, error) { return m, nil }

// pass moves messages from one to the other, each as edit has it, until an error, io.EOF at its end.
func pass(from, to messages, edit func([]byte) ([]byte, error)) error {
	for {
		var m []byte
		if err := from.RecvMsg(&m); err != nil {
			return err
		}
		m, err := edit(m)
		if err != nil {
			return err
		}
		if err := to.SendMsg(&m); err != nil {
			return err
		}
	}
}

// rawCodec leaves messages as they are.
type rawCodec struct{}

// Name implements encoding.CodecV2.
func (rawCodec) Name() string { return "proto" }

// Marshal implements encoding.CodecV2.
func (rawCodec) Marshal(m any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*m.(*[]byte))}, nil
}

// Unmarshal implements encoding.CodecV2.
func (rawCodec) Unmarshal(data mem.BufferSlice, m any) error {
	*m.(*[]byte) = data.Materialize()
	return nil
}
