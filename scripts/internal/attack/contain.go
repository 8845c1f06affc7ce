package attack

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

const (
	// containment is the control that refuses whom a response is about.
	containment = "edge.containment"
	// containWithin is how long after an alert the first attempt may be refused for it; then nobody waits any more.
	containWithin = 3 * time.Second
	tryAgain      = 20 * time.Millisecond
)

// contained goes on from where the attacker came from, until an attempt is refused for what was done about an alert, and returns when
// that was. False: no runbook does anything by itself about such an alert, or nothing was done in time.
func (p *player) contained(ctx context.Context, w *watch, raised alert.Alert) (time.Time, bool) {
	if _, _, known := p.lab.Control(containment); !known || raised.Subject.Address == "" || !p.lab.Detector.answered(raised.Rule) {
		return time.Time{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, containWithin)
	defer cancel()
	var sent outcome
	client, err := p.attacker(raised.Subject.Address, &sent)
	if err != nil {
		return time.Time{}, false
	}
	for ctx.Err() == nil {
		p.request(ctx, client, "", http.MethodGet, "/v1/account", "")
		if at, ok := w.refusedBy(containment, sent); ok {
			return at, true
		}
		select {
		case <-time.After(tryAgain):
		case <-ctx.Done():
		}
	}
	return time.Time{}, false
}

// attacker is a client that comes from an address, each time by another connection; sent gets to know them.
func (p *player) attacker(from string, sent *outcome) (*http.Client, error) {
	pem, err := os.ReadFile(p.lab.Status.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err == nil {
			sent.Peers = append(sent.Peers, conn.LocalAddr().String())
		}
		return conn, err
	}
	return &http.Client{Timeout: time.Second, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}}, nil
}

// answered tells whether a runbook blocks an address by itself when a rule is raised, unless somebody has changed its mode.
func (d *Detector) answered(rule string) bool {
	return slices.ContainsFunc(d.Runbooks, func(r threatmodel.Runbook) bool {
		blocks := slices.ContainsFunc(r.Steps, func(s threatmodel.Step) bool { return s.Action == "block-address" })
		return blocks && r.Mode == threatmodel.Auto && slices.Contains(r.Trigger.Rules, rule)
	})
}
