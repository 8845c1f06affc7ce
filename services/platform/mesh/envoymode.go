package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"google.golang.org/grpc/credentials"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/accept"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/unixsock"
	"redoubt.example/services/platform/mesh/internal/xfcc"
)

// envoyMode leaves mTLS and intentions to an Envoy beside the app, which runs as the app's own user: like our sidecar it is
// reached at one socket per upstream, but it names the caller in a header of each request. Its admin interface is at
// envoy.sock. Whoever starts Envoy registers it in Consul; the README says how.
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
	peer, err := unixsock.Check(c.(*net.UnixConn))
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
	var certs struct {
		Certificates []struct {
			Chain []struct {
				Names []struct{ URI string } `json:"subject_alt_names"`
			} `json:"cert_chain"`
		}
	}
	raw, err := e.ask(ctx, "/certs")
	if err != nil {
		return ID{}, err
	}
	if err := json.Unmarshal(raw, &certs); err != nil {
		return ID{}, fmt.Errorf("envoy's certificates: %w", err)
	}
	for _, c := range certs.Certificates {
		for _, cert := range c.Chain {
			for _, name := range cert.Names {
				if id, err := ParseID(name.URI); err == nil && id.Service == e.cfg.Workload {
					return id, nil
				}
			}
		}
	}
	return ID{}, errors.New("envoy has no certificate yet")
}

// ready: Envoy has its configuration, and a certificate of ours.
func (e *envoyMode) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if _, err := e.ask(ctx, "/ready"); err != nil {
		return err
	}
	_, err := e.id(ctx)
	return err
}

func (e *envoyMode) ask(ctx context.Context, path string) ([]byte, error) {
	t := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return unixsock.Dial(ctx, filepath.Join(e.cfg.RunDir, "envoy.sock"))
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://envoy"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("envoy doesn't answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("envoy isn't ready: it answers %s with %s", path, resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}
