package accesstoken

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"redoubt.example/services/platform/telemetry"
)

const (
	firstDelay   = 100 * time.Millisecond
	longestDelay = 5 * time.Second
	// refreshEvery bounds how long a key that the issuer has withdrawn is still believed.
	refreshEvery = 10 * time.Minute
)

// Run reaches the issuer, however long that takes, then keeps its keys fresh until ctx ends. A failure is
// logged and tried again: the keys known so far stay in use.
func (v *Verifier) Run(ctx context.Context) error {
	delay := firstDelay
	for {
		wait := refreshEvery
		if err := v.reach(ctx); err != nil && ctx.Err() == nil {
			telemetry.Log(ctx).Warn("token issuer not reached, trying again", "error", err.Error(), "in", delay.String())
			wait, delay = delay, min(2*delay, longestDelay)
		} else {
			delay = firstDelay
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

func (v *Verifier) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	found, err := discover(ctx, v.cfg)
	if err != nil {
		return err
	}
	v.issuer.Store(found)
	return nil
}

// Client returns an HTTP client that trusts the certificates of one CA file and no other, and takes no proxy
// from the environment.
func Client(caFile string) (*http.Client, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("read CA file: no certificate in it")
	}
	return &http.Client{
		Timeout: fetchTimeout,
		Transport: &http.Transport{
			TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			DialContext:           (&net.Dialer{Timeout: fetchTimeout}).DialContext,
			ResponseHeaderTimeout: fetchTimeout,
			IdleConnTimeout:       time.Minute,
			ForceAttemptHTTP2:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}
