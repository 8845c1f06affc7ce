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

// TLS is the edge's transport security: TLS 1.3 alone, its post-quantum hybrid first where the client knows it
// (crypto/tls's default), HTTP/2 or HTTP/1.1. certificate is asked for each handshake, so that a new one needs
// no restart.
func TLS(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: certificate,
	}
}

// Serve serves the handler on a TCP listener until ctx ends, then lets open requests finish. It closes the listener.
func Serve(ctx context.Context, l net.Listener, config *tls.Config, h http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           h,
		TLSConfig:         config,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          slog.NewLogLogger(serverLog{log.Handler(), log}, slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(l, "", "") }()
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
