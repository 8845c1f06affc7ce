package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strconv"
	"sync"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tcpproxy "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

// outbound opens an upstream's socket for the app.
func (e *envoy) outbound(name string, l *listener.Listener) error {
	pipe := l.Address.GetPipe()
	if pipe.GetMode() != 0o600 {
		return fmt.Errorf("a socket of mode %o", pipe.GetMode())
	}
	ln, err := listenUnix(pipe.GetPath(), pipe.GetMode())
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				log.Fatal(err)
			}
			go func() {
				if err := e.carry(c, e.listener(name)); err != nil {
					log.Print(name, ": ", err)
				}
			}()
		}
	}()
	return nil
}

func (e *envoy) carry(app net.Conn, l *listener.Listener) error {
	defer app.Close()
	var to tcpproxy.TcpProxy
	filters := l.FilterChains[0].Filters
	if err := filters[len(filters)-1].GetTypedConfig().UnmarshalTo(&to); err != nil {
		return err
	}
	peer, err := e.dial(to.GetCluster())
	if err != nil {
		return err
	}
	defer peer.Close()
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(peer, app); _ = peer.CloseWrite() })
	both.Go(func() { _, _ = io.Copy(app, peer); _ = app.(*net.UnixConn).CloseWrite() })
	both.Wait()
	return nil
}

// dial connects to one of a cluster's healthy endpoints, in turn, and to none but the service that the cluster names.
func (e *envoy) dial(name string) (*tls.Conn, error) {
	e.mu.Lock()
	c, load := e.clusters[name], e.endpoints[name]
	e.turn++
	turn := e.turn
	e.mu.Unlock()
	var upstream tlsv3.UpstreamTlsContext
	if err := c.GetTransportSocket().GetTypedConfig().UnmarshalTo(&upstream); err != nil {
		return nil, err
	}
	cert, roots, err := credentials(upstream.CommonTlsContext)
	if err != nil {
		return nil, err
	}
	var able []*endpoint.LbEndpoint
	for _, place := range load.GetEndpoints() {
		for _, at := range place.LbEndpoints {
			if at.HealthStatus == core.HealthStatus_UNKNOWN || at.HealthStatus == core.HealthStatus_HEALTHY {
				able = append(able, at)
			}
		}
	}
	if len(able) == 0 {
		return nil, errors.New("no healthy endpoint")
	}
	at := able[turn%len(able)].GetEndpoint().Address.GetSocketAddress()
	want := upstream.CommonTlsContext.GetValidationContext().GetMatchTypedSubjectAltNames()[0].GetMatcher().GetExact()
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, InsecureSkipVerify: true, // names are SPIFFE IDs: verified here
		VerifyConnection: func(s tls.ConnectionState) error { return verify(s.PeerCertificates, roots, want) }}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", net.JoinHostPort(at.GetAddress(), strconv.Itoa(int(at.GetPortValue()))))
	if err != nil {
		return nil, err
	}
	return conn.(*tls.Conn), nil
}

func verify(chain []*x509.Certificate, roots *x509.CertPool, want string) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
		return err
	}
	if len(chain[0].URIs) != 1 || want == "" || chain[0].URIs[0].String() != want {
		return fmt.Errorf("the upstream is %v, and not %q", chain[0].URIs, want)
	}
	return nil
}
