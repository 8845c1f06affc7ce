package tunnel

import (
	"crypto/tls"

	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/spiffe"
)

// ServerConfig and ClientConfig are those of the data plane.
func ServerConfig(id *identity.Identity) *tls.Config {
	return serverConfig(id, func(spiffe.ID) error { return nil })
}

func ClientConfig(id *identity.Identity, want spiffe.ID) *tls.Config { return clientConfig(id, want) }

// MaxHandshakes is how many may be under way at once.
const MaxHandshakes = maxHandshakes

// AllowFromCaller sets how many connections one caller may have open.
func (t *Streams) AllowFromCaller(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.most = n
}
