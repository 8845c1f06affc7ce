package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"redoubt.example/services/platform/boundary"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
)

const (
	headerTimeout = 5 * time.Second
	bodyTimeout   = 15 * time.Second // header and body; a slow sender holds a goroutine, nothing inside
	writeTimeout  = requestTimeout + 5*time.Second
	idleTimeout   = time.Minute
	maxHeader     = 16 << 10
	maxStreams    = 100 // HTTP/2: at once on one connection
)

// TLS is the edge's transport security: TLS 1.3 alone, HTTP/2 or HTTP/1.1, and keys agreed on by the post-quantum
// hybrid where the client knows it (of the groups listed, crypto/tls takes the strongest that both know, in its own
// order). certificate is asked for each handshake, so that a new one needs no restart.
func TLS(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	oldest := uint16(tls.VersionTLS13)
	if !controls.On(controls.EdgeTLS) {
		oldest = tls.VersionTLS10
	}
	return &tls.Config{
		MinVersion:       oldest,
		NextProtos:       []string{"h2", "http/1.1"},
		CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384},
		GetCertificate:   certificate,
	}
}

// AllowTLS12 takes clients of before 2018, too, with forward secrecy and authenticated encryption or not at all
// (RFC 9325 section 4.2).
func AllowTLS12(config *tls.Config) {
	config.MinVersion = min(config.MinVersion, tls.VersionTLS12)
	config.CipherSuites = []uint16{ // of 1.2; those of 1.3 aren't for choosing
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// Serve serves the handler on a TCP listener until ctx ends, then lets open requests finish. It closes the listener.
func Serve(ctx context.Context, l net.Listener, config *tls.Config, h http.Handler, log *slog.Logger) error {
	arrivals := heads{l, log}
	server := &http.Server{
		Handler:           arrivals.handler(h),
		ConnContext:       arrivals.context,
		ConnState:         arrivals.state,
		TLSConfig:         config,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          slog.NewLogLogger(serverLog{log.Handler(), log}, slog.LevelDebug),
	}
	if !controls.On(controls.EdgeSlowClient) {
		server.ReadHeaderTimeout, server.ReadTimeout = 0, 0
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(arrivals, "", "") }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), boundary.DrainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		_ = server.Close()
		return fmt.Errorf("requests cut off after %v: %w", boundary.DrainTimeout, err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// serverLog takes net/http's own complaints. A failed handshake is a decision of edge.tls: its line, which has
// the peer's address and port, is the only evidence of it.
type serverLog struct {
	slog.Handler
	log *slog.Logger
}

func (s serverLog) Handle(ctx context.Context, r slog.Record) error {
	if rest, ok := strings.CutPrefix(r.Message, "http: TLS handshake error from "); ok {
		peer, reason, _ := strings.Cut(rest, ": ")
		controls.Record(telemetry.WithLogger(ctx, s.log), controls.EdgeTLS, controls.Deny, reason, "peer", peer)
		return nil
	}
	if !s.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return s.Handler.Handle(ctx, r)
}

// Enabled lets every line reach Handle, which tells them apart.
func (serverLog) Enabled(context.Context, slog.Level) bool { return true }
