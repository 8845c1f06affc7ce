package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"redoubt.example/gateway/internal/edge"
	"redoubt.example/services/platform/secrets"
	"redoubt.example/services/platform/workload"
)

const (
	// upstreamTimeout is longer than what a service grants its own calls, and shorter than the whole request.
	upstreamTimeout = 10 * time.Second

	certificateMount = "pki-edge"
	firstDelay       = 100 * time.Millisecond
	longestDelay     = 5 * time.Second
)

// serveEdge serves the public API as soon as there is a certificate for it. Clients that connect earlier wait.
func serveEdge(ctx context.Context, cfg settings, w *workload.Workload, l net.Listener, api http.Handler) error {
	certificate, err := edgeCertificate(ctx, cfg, w)
	if err != nil {
		return err
	}
	w.Log.Info("public API", "address", l.Addr().String())
	return edge.Serve(ctx, l, edge.TLS(certificate.GetCertificate), api, w.Log)
}

// edgeCertificate asks Vault until it answers: that Vault is briefly away must not end the gateway.
func edgeCertificate(ctx context.Context, cfg settings, w *workload.Workload) (*secrets.CertificateSource, error) {
	dns, ips := cfg.names()
	for delay := firstDelay; ; delay = min(2*delay, longestDelay) {
		certificate, err := w.Vault.ServerCertificate(ctx, certificateMount, cfg.Name, dns, ips)
		if err == nil {
			return certificate, nil
		}
		w.Log.Warn("no edge certificate yet, trying again", "error", err.Error(), "in", delay.String())
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(delay):
		}
	}
}
