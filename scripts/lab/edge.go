package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"time"

	"redoubt.example/scripts/internal/control"
)

// edgeClient is a client of the gateway's, who trusts the lab's CA alone.
func edgeClient(status control.Status) (*http.Client, error) {
	pem, err := os.ReadFile(status.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("the lab's CA file holds no certificate")
	}
	return &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}, ForceAttemptHTTP2: true,
	}}, nil
}

// edgeAs is one with an access token of a demo user's, once the lab is ready. Close its idle connections.
func (a *app) edgeAs(ctx context.Context, user string) (edge *http.Client, token string, status control.Status, err error) {
	client, _, status, err := a.ready(ctx)
	if err != nil {
		return nil, "", status, err
	}
	if token, err = client.Token(ctx, user, nil); err != nil {
		return nil, "", status, err
	}
	edge, err = edgeClient(status)
	return edge, token, status, err
}
