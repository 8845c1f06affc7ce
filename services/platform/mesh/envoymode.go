package mesh

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"google.golang.org/grpc/credentials"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/accept"
	"redoubt.example/services/platform/mesh/internal/envoy"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/unixsock"
	"redoubt.example/services/platform/mesh/internal/xfcc"
)

// envoyMode leaves mTLS and intentions to an Envoy beside the app, which runs as the app's own user: like our sidecar it is
// reached at one socket per upstream, but it names the caller in a header of each request. Its admin interface is at
// envoy.sock. Package envoyagent registers and starts it.
type envoyMode struct{ sidecarMode }

func (e *envoyMode) listen() (net.Listener, error) {
	ln, err := unixsock.Listen(filepath.Join(e.cfg.RunDir, "app.sock"))
	if err != nil {
		return nil, err
	}
	return accept.New(ln, e.fromEnvoy), nil
}

// fromEnvoy lets in only processes of our own user: from anyone else the header is worth nothing.
func (e *envoyMode) fromEnvoy(_ context.Context, c net.Conn) (net.Conn, error) {
	peer, err := unixsock.Check(c.(*unixsock.Conn))
	if err != nil {
		_ = c.Close()
		(&identity.Refusal{Control: controls.MeshPeerCred, Reason: err.Error()}).Record(e.cfg.Log, peer.String())
		return nil, err
	}
	return &envoyConn{Conn: c, peer: peer, own: e.cfg.Workload, log: e.cfg.Log}, nil
}

// envoyConn is a connection of our own Envoy's, over which requests of several callers come.
type envoyConn struct {
	net.Conn
	peer unixsock.Peer
	own  string // the workload
	log  *slog.Logger
}

// caller believes the request's header, if it is one that our Envoy made, and records why not.
func (c *envoyConn) caller(header []string) (ID, bool) {
	id, err := xfcc.Caller(header, c.own)
	if err != nil {
		(&identity.Refusal{Control: controls.MeshSPIFFE, Reason: err.Error()}).Record(c.log, c.peer.String())
		return ID{}, false
	}
	return id, true
}

type envoyInfo struct {
	credentials.CommonAuthInfo
	conn *envoyConn
}

// AuthType implements credentials.AuthInfo.
func (envoyInfo) AuthType() string { return "mesh" }

// id is what Envoy's own certificate says.
func (e *envoyMode) id(ctx context.Context) (ID, error) {
	current, err := envoy.Current(ctx, e.cfg.RunDir, e.cfg.Workload)
	return current.ID, err
}

// ready: Envoy has its configuration, and a certificate of ours.
func (e *envoyMode) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return envoy.Ready(ctx, e.cfg.RunDir, e.cfg.Workload)
}
