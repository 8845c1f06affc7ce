package attacks

import (
	"fmt"
	"slices"
	"strings"
)

// Vantage is where an attacker stands: what he has, and nothing else.
//
//	outside               the edge's address, the CA, access tokens of the demo users
//	service:<name>        that service's user, folder and identity: it was taken over
//	sidecar:<name>        that service's sidecar, where it is a container of its own: its networks, with the same user
//	process               a local process of no workload's user, without any identity
//	stolen:token|leaf|lease   the thing, somewhere else
//	control-plane         write access to where policies and models are published, and to the catalog; no signing key
type Vantage string

// The vantage points that aren't a service's.
const (
	Outside      Vantage = "outside"
	Process      Vantage = "process"
	ControlPlane Vantage = "control-plane"
)

var stolen = []string{"token", "leaf", "lease"}

// Service is the service that was taken over, or "".
func (v Vantage) Service() string {
	if name, ok := strings.CutPrefix(string(v), "service:"); ok {
		return name
	}
	return v.Sidecar()
}

// Sidecar is the service whose sidecar was taken over, or "".
func (v Vantage) Sidecar() string {
	name, ok := strings.CutPrefix(string(v), "sidecar:")
	if !ok {
		return ""
	}
	return name
}

// Stolen is what was stolen, or "".
func (v Vantage) Stolen() string {
	what, ok := strings.CutPrefix(string(v), "stolen:")
	if !ok {
		return ""
	}
	return what
}

func (v Vantage) check() error {
	if v == Outside || v == Process || v == ControlPlane || v.Service() != "" || slices.Contains(stolen, v.Stolen()) {
		return nil
	}
	return fmt.Errorf("there is no vantage point %q: outside, service:<name>, process, stolen:token, stolen:leaf, stolen:lease or control-plane", string(v))
}
