package webhook

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"
)

var errNoSecret = errors.New("open endpoint's secret")

const maxKeys = 1024

// keys remembers opened secrets of endpoints, so that Vault isn't asked for each delivery. Bounded.
type keys struct {
	sealer Sealer

	mu     sync.Mutex
	opened map[uuid.UUID]Secret
}

func newKeys(sealer Sealer) *keys { return &keys{sealer: sealer, opened: map[uuid.UUID]Secret{}} }

// secret returns the delivery's endpoint's secret, or an error that wraps errNoSecret.
func (k *keys) secret(ctx context.Context, d Delivery) (Secret, error) {
	k.mu.Lock()
	secret, ok := k.opened[d.EndpointID]
	k.mu.Unlock()
	if ok {
		return secret, nil
	}
	secret, err := open(ctx, k.sealer, d.Sealed, associatedWith(d.EndpointID))
	if err != nil {
		return Secret{}, fmt.Errorf("%w: %w", errNoSecret, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for id := range k.opened { // a map's order is as good as random
		if len(k.opened) < maxKeys {
			break
		}
		delete(k.opened, id)
	}
	k.opened[d.EndpointID] = secret
	return secret, nil
}
