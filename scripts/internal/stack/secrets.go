package stack

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"redoubt.example/infra/controlplane"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/services/platform/secrets"
)

const certificate = "certificate"

// Secrets lists what is given out: by Vault and Consul, whether its holder still lives or not, and certificates, as
// their holders say. It works as long as Vault does.
func (s *Stack) Secrets(ctx context.Context) ([]control.Secret, error) {
	grants, err := s.plane.Grants(ctx)
	if err != nil {
		return nil, err
	}
	var all []control.Secret
	for _, g := range grants {
		all = append(all, control.Secret{Kind: g.Kind, Holder: g.Holder, Instance: g.Instance, ID: g.ID, Began: optional(g.Began), Expires: optional(g.Expires)})
	}
	keys, err := s.APIKeys(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		all = append(all, control.Secret{Kind: "API key", Holder: "user " + k.Principal, ID: k.Prefix, Began: optional(k.Created), Expires: optional(k.Expires)})
	}
	all = append(all, s.certificates(ctx)...)
	slices.SortStableFunc(all, func(a, b control.Secret) int { return strings.Compare(a.Holder, b.Holder) })
	return all, nil
}

// certificates: those of whoever doesn't run, or doesn't answer, aren't listed.
func (s *Stack) certificates(ctx context.Context) (all []control.Secret) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for _, server := range []string{controlplane.Vault, controlplane.Consul, controlplane.Postgres} {
		if cert, err := readCertificate(s.own(server, "tls.crt")); err == nil {
			all = append(all, control.Secret{Kind: certificate, Holder: server, ID: cert.SerialNumber.Text(16),
				Began: optional(cert.NotBefore), Expires: optional(cert.NotAfter)})
		}
	}
	for _, w := range s.instances {
		all = append(all, Certificates(ctx, w.identity, w.name, s.own(w.name, "sidecar.sock"), s.own(w.name, "admin.sock"))...)
	}
	return all
}

// Certificates are those that an instance says it holds, at its data plane's socket and its own.
func Certificates(ctx context.Context, holder, instance, plane, app string) (all []control.Secret) {
	var leaf struct {
		Serial    string    `json:"serial"`
		NotBefore time.Time `json:"not_before"`
		NotAfter  time.Time `json:"not_after"`
	}
	if ask(ctx, plane, http.MethodGet, "/v1/leaf", &leaf) == nil {
		all = append(all, control.Secret{Kind: "mesh " + certificate, Holder: holder, Instance: instance, ID: leaf.Serial,
			Began: optional(leaf.NotBefore), Expires: optional(leaf.NotAfter)})
	}
	var held []secrets.Held
	if ask(ctx, app, http.MethodGet, "/v1/held", &held) != nil {
		return all
	}
	for _, h := range held {
		if h.Kind == secrets.KindCertificate {
			all = append(all, control.Secret{Kind: certificate, Holder: holder, Instance: instance, ID: h.ID,
				Began: optional(h.Began), Expires: optional(h.Expires)})
		}
	}
	return all
}

func readCertificate(path string) (*x509.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no certificate", path)
	}
	return x509.ParseCertificate(block.Bytes)
}

func optional(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

// Audit is controlplane's, for those who ask over the control socket.
func (s *Stack) Audit(ctx context.Context, since time.Time) ([]control.SecurityEvent, error) {
	all := []control.SecurityEvent{}
	err := s.plane.Audit(ctx, since, func(e controlplane.SecurityEvent) { all = append(all, control.SecurityEvent(e)) })
	return all, err
}
