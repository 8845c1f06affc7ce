package attack

import (
	"crypto/tls"
	"slices"
	"sync"
)

// held is what the attacker of the attack that is being played has: what he goes on with until somebody contains him.
type held struct {
	mu     sync.Mutex
	tokens []string // that are good for GET /v1/account
	leaves map[string]tls.Certificate
}

// take enters what a script is given, in place of what was held before.
func (h *held) take(data map[string]any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tokens, h.leaves = nil, map[string]tls.Certificate{}
	for _, name := range []string{"tokens", "narrow"} {
		if of, ok := data[name].(map[string]string); ok {
			for _, token := range of {
				h.tokens = append(h.tokens, token)
			}
		}
	}
	if stolen, ok := data["stolen"].(map[string]any); ok {
		if token, ok := stolen["access_token"].(string); ok {
			h.tokens = append(h.tokens, token)
		}
	}
	leaf, ok := data["leaf"].(map[string]any)
	if !ok {
		return
	}
	cert, _ := leaf["cert"].(string)
	key, _ := leaf["key"].(string)
	service, _ := leaf["service"].(string)
	if pair, err := tls.X509KeyPair([]byte(cert), []byte(key)); err == nil {
		h.leaves[service] = pair
	}
}

func (h *held) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.tokens)
}

func (h *held) leaf(service string) (tls.Certificate, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	pair, ok := h.leaves[service]
	return pair, ok
}
