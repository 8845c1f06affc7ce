package identity

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/spiffe"
	"redoubt.example/services/platform/telemetry"
)

// Refusal says which control refused a connection, and why. Caller is what the peer claimed; it is
// proved only where Control is controls.MeshIntention.
type Refusal struct {
	Control string
	Reason  string
	Caller  spiffe.ID
	Err     error
}

func (r *Refusal) Error() string { return r.Control + ": " + r.Reason }
func (r *Refusal) Unwrap() error { return r.Err }

// Record writes the security event of a refusal. peer is where the connection came from or went to:
// an address and port, or "pid 12 uid 34" of a local process.
func (r *Refusal) Record(log *slog.Logger, peer string) {
	attrs := []any{"caller", r.Caller.String(), "peer", peer}
	if r.Err != nil {
		attrs = append(attrs, "error", r.Err.Error())
	}
	controls.Record(telemetry.WithLogger(context.Background(), log), r.Control, controls.Deny, r.Reason, attrs...)
}

func chainReason(err error) string {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate expired or not yet valid"
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return "certificate not meant for this use"
	case errors.As(err, &unknown):
		return "certificate not signed by the mesh's CA"
	}
	return "certificate invalid"
}
