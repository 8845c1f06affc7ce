// Package mesh is k6/x/mesh: what an attacker's script needs below the level of k6's own HTTP client. Raw bytes over TCP,
// TLS and unix sockets, certificates and tokens of any kind, PROXY headers, PostgreSQL's first messages.
//
// It reaches loopback, the lab's own sockets and, from one of its containers, the others, and nothing else, and it is bounded in count and time: see confine.go.
// What the other side refuses is a result that the script reads (error, errno), not an exception; an exception is a
// mistake in the script.
package mesh

import (
	"fmt"

	"github.com/grafana/sobek"
	"go.k6.io/k6/js/modules"
)

// Module is registered with k6 as k6/x/mesh.
type Module struct{ guard *Guard }

// New returns the module. All scripts of this process share its bounds.
func New(g *Guard) *Module { return &Module{g} }

// NewModuleInstance implements modules.Module.
func (m *Module) NewModuleInstance(vu modules.VU) modules.Instance {
	return &instance{vu: vu, guard: m.guard}
}

type instance struct {
	vu    modules.VU
	guard *Guard
}

// Exports implements modules.Instance: import mesh from 'k6/x/mesh'.
func (i *instance) Exports() modules.Exports {
	return modules.Exports{Default: map[string]any{
		"http":     with(i, i.http),
		"race":     i.race,
		"dial":     with(i, i.dial),
		"listen":   with(i, i.listen),
		"grpc":     with(i, i.grpc),
		"postgres": with(i, i.postgres),
		"jws":      with(i, i.jws),
		"jwk":      with(i, i.jwk),
		"x509":     with(i, i.x509),
		"proxyV2":  with(i, i.proxyV2),
		"protobuf": i.protobuf,
		"read":     i.read,
		"write":    i.write,
		"report":   i.report,
		"pid":      i.pid,
		"sleep":    i.sleep,
	}}
}

// with makes of a method that takes a struct one that takes a JavaScript object, strictly: an option that doesn't exist
// is a mistake, and not ignored.
func with[In, Out any](i *instance, do func(In) (Out, error)) func(sobek.Value) (Out, error) {
	return func(v sobek.Value) (out Out, err error) {
		var in In
		if err := decode(i.vu.Runtime(), v, &in); err != nil {
			return out, fmt.Errorf("k6/x/mesh: %w", err)
		}
		if out, err = do(in); err != nil {
			err = fmt.Errorf("k6/x/mesh: %w", err)
		}
		return out, err
	}
}
