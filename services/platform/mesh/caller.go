package mesh

import (
	"context"
	"errors"
	"net"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

type callerKey struct{}

// Caller returns who made the request: over HTTP (with ConnContext) and gRPC (with ServerCredentials) alike,
// whatever the mode. False means that nobody has proved who calls; treat it as a refusal.
func Caller(ctx context.Context) (ID, bool) {
	if id, ok := ctx.Value(callerKey{}).(ID); ok {
		return id, true
	}
	if p, ok := peer.FromContext(ctx); ok {
		if info, ok := p.AuthInfo.(authInfo); ok {
			return info.caller, true
		}
	}
	return ID{}, false
}

// ConnContext is for http.Server.ConnContext, on a server over Listen.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if c, ok := c.(*callerConn); ok {
		return context.WithValue(ctx, callerKey{}, c.caller)
	}
	return ctx
}

// ServerCredentials is for a grpc.Server over Listen. The handshake is done by then; it carries the caller over.
func ServerCredentials() credentials.TransportCredentials { return serverCredentials{} }

type serverCredentials struct{}

type authInfo struct {
	credentials.CommonAuthInfo
	caller ID
}

// AuthType implements credentials.AuthInfo.
func (authInfo) AuthType() string { return "mesh" }

func (serverCredentials) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, ok := c.(*callerConn)
	if !ok {
		return nil, nil, errors.New("mesh: not a connection of the mesh's listener")
	}
	info := authInfo{caller: conn.caller}
	info.SecurityLevel = credentials.PrivacyAndIntegrity // mutual TLS outside, our own user's socket inside
	return c, info, nil
}

func (serverCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("mesh: server credentials on a client")
}

func (serverCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "mesh"}
}
func (c serverCredentials) Clone() credentials.TransportCredentials { return c }
func (serverCredentials) OverrideServerName(string) error           { return nil }
