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
	"strings"
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
	crowd     *crowd
}

// NewServer returns a server that lets in whom authorize lets in; its error is a *identity.Refusal.
func NewServer(source identity.Source, authorize func(caller spiffe.ID) error, log *slog.Logger, m *Metrics) *Server {
	s := &Server{identity: source, authorize: authorize, log: log, metrics: m, crowd: newCrowd()}
	s.configs.build = func(id *identity.Identity, _ string) *tls.Config { return serverConfig(id, authorize) }
	return s
}

// handshake makes a verified and authorized mesh connection of c, or records why not. On error c is closed.
func (s *Server) handshake(ctx context.Context, c net.Conn) (*peer, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	began := time.Now()
	p, err := s.secure(ctx, c)
	if made := s.crowd.leave(c); made != nil {
		err = &identity.Refusal{Control: controls.MeshMTLS, Reason: made.Error(), Err: err}
	}
	if err != nil {
		recordRefusal(err, s.log, s.metrics, inbound, c.RemoteAddr().String())
		_ = c.Close()
		return nil, err
	}
	s.metrics.handshake(inbound, began, p.resumed)
	return p, nil
}

// peer is the other end of a mesh connection, verified.
type peer struct {
	*secured
	id      spiffe.ID
	term    term
	resumed bool
}

func newPeer(c *secured, own *identity.Identity, direction string) *peer {
	state := c.ConnectionState()
	return &peer{secured: c, id: peerID(state), term: termOf(own, state.PeerCertificates, direction), resumed: state.DidResume}
}

func (s *Server) secure(ctx context.Context, c net.Conn) (*peer, error) {
	id := s.identity.Current()
	if id == nil {
		return nil, &identity.Refusal{Control: controls.MeshMTLS, Reason: "no certificate of our own yet"}
	}
	w, err := newWire(c)
	if err != nil {
		return nil, err
	}
	conn := &secured{Conn: tls.Server(w, s.configs.get(id, "")), wire: w}
	if err := conn.handshake(ctx); err != nil {
		return nil, err
	}
	return newPeer(conn, id, inbound), nil
}

// recordRefusal writes the security event of a handshake that failed, unless the peer only went away.
func recordRefusal(err error, log *slog.Logger, m *Metrics, direction, peer string) {
	r := refusalOf(err)
	if r == nil {
		log.Debug("connection ended during the handshake", "direction", direction, "peer", peer, "error", err.Error())
		return
	}
	m.refused.WithLabelValues(direction, r.Control).Inc()
	r.Record(log, peer)
}

// refusalOf says which control made a handshake fail. It is nil for a peer that only went away.
func refusalOf(err error) *identity.Refusal {
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
	// What is left are crypto/tls's own words, for a client without a certificate or of an old version.
	return &identity.Refusal{Control: controls.MeshMTLS, Reason: strings.TrimPrefix(err.Error(), "tls: ")}
}

// refusedByPeer tells whether the peer ended the connection with a TLS alert. With TLS 1.3 a client
// learns at its first read that the server has refused it.
func refusedByPeer(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}
