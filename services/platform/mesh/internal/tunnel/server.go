// Package tunnel is the mesh's layer 4 data plane: mutual TLS 1.3 with verified SPIFFE IDs outside, unix
// sockets to the app inside, and nothing in between that knows HTTP.
package tunnel

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"syscall"
	"time"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/spiffe"
)

const handshakeTimeout = 5 * time.Second

// Server takes mesh connections from peers.
type Server struct {
	identity  identity.Source
	authorize func(spiffe.ID) error
	configs   configs
	log       *slog.Logger
	metrics   *Metrics
}

// NewServer returns a server that lets in whom authorize lets in; its error is a *identity.Refusal.
func NewServer(source identity.Source, authorize func(caller spiffe.ID) error, log *slog.Logger, m *Metrics) *Server {
	s := &Server{identity: source, authorize: authorize, log: log, metrics: m}
	s.configs.build = func(id *identity.Identity, _ string) *tls.Config { return serverConfig(id, authorize) }
	return s
}

// Handshake makes a verified and authorized mesh connection of c, or records why not. On error c is closed.
func (s *Server) Handshake(ctx context.Context, c net.Conn) (*tls.Conn, spiffe.ID, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	began := time.Now()
	conn, err := s.handshake(ctx, c)
	if err != nil {
		s.refuse(err, c.RemoteAddr())
		_ = c.Close()
		return nil, spiffe.ID{}, err
	}
	s.metrics.handshake(inbound, began, conn.ConnectionState().DidResume)
	return conn, peerID(conn), nil
}

func (s *Server) handshake(ctx context.Context, c net.Conn) (*tls.Conn, error) {
	id := s.identity.Current()
	if id == nil {
		return nil, &identity.Refusal{Control: controls.MeshMTLS, Reason: "no certificate of our own yet"}
	}
	conn := tls.Server(c, s.configs.get(id, ""))
	return conn, conn.HandshakeContext(ctx)
}

func (s *Server) refuse(err error, peer net.Addr) {
	r := handshakeRefusal(err)
	if r == nil {
		s.log.Debug("connection ended before the handshake", "peer", peer.String())
		return
	}
	s.metrics.refused.WithLabelValues(inbound, r.Control).Inc()
	r.Record(s.log, peer.String())
}

// handshakeRefusal says which control a failed handshake speaks of. It is nil for a peer that only went away.
func handshakeRefusal(err error) *identity.Refusal {
	var refusal *identity.Refusal
	var notTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.As(err, &notTLS):
		return &identity.Refusal{Control: controls.MeshMTLS, Reason: "not TLS"}
	case errors.Is(err, context.DeadlineExceeded):
		return &identity.Refusal{Control: controls.MeshMTLS, Reason: "handshake took too long"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled),
		errors.Is(err, net.ErrClosed), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return nil
	case refusedByPeer(err):
		return &identity.Refusal{Control: controls.MeshMTLS, Reason: "the peer refused us", Err: err}
	}
	// What is left are crypto/tls's own words: no certificate, unsupported versions and the like.
	return &identity.Refusal{Control: controls.MeshMTLS, Reason: "handshake failed", Err: err}
}

// refusedByPeer tells whether the peer ended the connection with a TLS alert. With TLS 1.3 a client
// learns at its first read that the server has refused it.
func refusedByPeer(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}
