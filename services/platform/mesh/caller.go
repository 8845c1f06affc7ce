package mesh

import (
	"context"
	"errors"
	"net"
	"net/http"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"redoubt.example/services/platform/mesh/internal/xfcc"
)

type (
	callerKey struct{} // an ID
	envoyKey  struct{} // an *envoyConn
)

// Caller returns who made the request: over HTTP (with ConnContext and Handler) and gRPC (with ServerCredentials) alike,
// whatever the mode. False means that nobody has proved who calls; treat it as a refusal.
func Caller(ctx context.Context) (ID, bool) {
	if id, ok := ctx.Value(callerKey{}).(ID); ok {
		return id, true
	}
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ID{}, false
	}
	switch info := p.AuthInfo.(type) {
	case authInfo:
		return info.caller, true
	case envoyInfo:
		md, _ := metadata.FromIncomingContext(ctx)
		return info.conn.caller(md.Get(xfcc.Header))
	}
	return ID{}, false
}

// ConnContext is for http.Server.ConnContext, on a server over Listen whose handler is a Handler.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	switch c := c.(type) {
	case *callerConn:
		return context.WithValue(ctx, callerKey{}, c.caller)
	case *envoyConn:
		return context.WithValue(ctx, envoyKey{}, c)
	}
	return ctx
}

// Handler lets Caller know who makes each request where one connection carries those of many callers: behind Envoy. In
// the other modes nothing in a request says who makes it.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(envoyKey{}).(*envoyConn); ok {
			if id, ok := c.caller(r.Header.Values(xfcc.Header)); ok {
				r = r.WithContext(context.WithValue(r.Context(), callerKey{}, id))
			}
		}
		next.ServeHTTP(w, r)
	})
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
	common := credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity} // mutual TLS outside, our own user's socket inside
	switch conn := c.(type) {
	case *callerConn:
		return c, authInfo{common, conn.caller}, nil
	case *envoyConn:
		return c, envoyInfo{common, conn}, nil
	}
	return nil, nil, errors.New("mesh: not a connection of the mesh's listener")
}

func (serverCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("mesh: server credentials on a client")
}

func (serverCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "mesh"}
}
func (c serverCredentials) Clone() credentials.TransportCredentials { return c }
func (serverCredentials) OverrideServerName(string) error           { return nil }
