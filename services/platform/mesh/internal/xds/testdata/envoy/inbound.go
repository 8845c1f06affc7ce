package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	rbac "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	httprbac "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

type connKey struct{}

// inbound opens the listener for peers: mutual TLS, then HTTP by its rules, then the app behind its socket.
func (e *envoy) inbound(name string, l *listener.Listener) error {
	at := l.Address.GetSocketAddress()
	ln, err := net.Listen("tcp", net.JoinHostPort(at.GetAddress(), strconv.Itoa(int(at.GetPortValue()))))
	if err != nil {
		return err
	}
	if _, _, err := manager(l); err != nil {
		return err
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // known by its first bytes, as Envoy's codec AUTO does
	server := &http.Server{Protocols: &protocols, Handler: e.handler(name),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }}
	go func() { log.Fatal(server.Serve(&mutualTLS{ln, e, name})) }()
	return nil
}

// manager is a public listener's part that speaks HTTP.
func manager(l *listener.Listener) (*hcm.HttpConnectionManager, *rbac.RBAC, error) {
	var m hcm.HttpConnectionManager
	var rules *rbac.RBAC
	if err := l.FilterChains[0].Filters[0].GetTypedConfig().UnmarshalTo(&m); err != nil {
		return nil, nil, err
	}
	for _, f := range m.HttpFilters {
		if f.Name == "envoy.filters.http.rbac" {
			var r httprbac.RBAC
			if err := f.GetTypedConfig().UnmarshalTo(&r); err != nil {
				return nil, nil, err
			}
			rules = r.Rules
		}
	}
	if m.ForwardClientCertDetails != hcm.HttpConnectionManager_APPEND_FORWARD || !m.SetCurrentClientCertDetails.GetUri() || rules == nil {
		return nil, nil, errors.New("no XFCC with the caller, or no rules")
	}
	return &m, rules, nil
}

// mutualTLS gives connections whose handshake is still to come: the server makes it before it reads.
type mutualTLS struct {
	net.Listener
	e    *envoy
	name string
}

func (m *mutualTLS) Accept() (net.Conn, error) {
	c, err := m.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := tls.Server(c, &tls.Config{GetConfigForClient: m.config})
	return &secured{conn, conn}, nil
}

func (m *mutualTLS) config(*tls.ClientHelloInfo) (*tls.Config, error) {
	var c tlsv3.DownstreamTlsContext
	if err := m.e.listener(m.name).FilterChains[0].TransportSocket.GetTypedConfig().UnmarshalTo(&c); err != nil {
		return nil, err
	}
	cert, roots, err := credentials(c.CommonTlsContext)
	if err == nil && !c.RequireClientCertificate.GetValue() {
		err = errors.New("no certificate is asked of callers")
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots}, err
}

// secured hides from net/http that it is TLS, over which that knows HTTP/2 by ALPN alone.
type secured struct {
	net.Conn
	tls *tls.Conn
}

func (e *envoy) handler(name string) http.Handler {
	transports := map[bool]*http.Transport{false: e.toApp(false), true: e.toApp(true)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		state := r.Context().Value(connKey{}).(*secured).tls.ConnectionState()
		_, rules, err := manager(e.listener(name))
		if err != nil || len(state.PeerCertificates) == 0 || !allows(rules, state.PeerCertificates[0]) {
			http.Error(w, "RBAC: access denied", http.StatusForbidden)
			return
		}
		proxy := &httputil.ReverseProxy{Transport: transports[e.appSpeaksHTTP2()], FlushInterval: -1, Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", "app", p.In.Host
			element := xfcc(e.leaf(), state.PeerCertificates[0])
			if sent := p.In.Header.Get("X-Forwarded-Client-Cert"); sent != "" { // APPEND_FORWARD
				element = sent + "," + element
			}
			p.Out.Header.Set("X-Forwarded-Client-Cert", element)
		}}
		proxy.ServeHTTP(w, r)
	})
}

func xfcc(own, caller *x509.Certificate) string {
	return fmt.Sprintf(`By=%s;Hash=%x;Subject="";URI=%s`, own.URIs[0], sha256.Sum256(caller.Raw), caller.URIs[0])
}

func (e *envoy) app() *cluster.Cluster {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.clusters["local_app"]
}

func (e *envoy) appSpeaksHTTP2() bool {
	app := e.app()
	return len(app.GetTypedExtensionProtocolOptions()) > 0 || app.GetHttp2ProtocolOptions() != nil
}

func (e *envoy) toApp(http2 bool) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(!http2)
	protocols.SetUnencryptedHTTP2(http2)
	return &http.Transport{Protocols: &protocols, DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		at := e.app().LoadAssignment.Endpoints[0].LbEndpoints[0].GetEndpoint().Address.GetPipe().GetPath()
		return (&net.Dialer{}).DialContext(ctx, "unix", at)
	}}
}
