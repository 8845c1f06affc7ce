package authn

import "sync"

// cacheHalf bounds the cache at twice as many tokens, about 4 MB.
const cacheHalf = 2048

// cache remembers verified tokens, keyed by the whole token. It has two halves: when the newer is full it
// becomes the older, and the older is forgotten. So it is bounded without bookkeeping for each entry, and
// since only tokens that verified get in, a flood of forged ones can't push out the good ones.
type cache struct {
	mu           sync.RWMutex
	newer, older map[string]*Token
}

func (c *cache) get(raw string) (*Token, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if t, ok := c.newer[raw]; ok {
		return t, true
	}
	t, ok := c.older[raw]
	return t, ok
}

func (c *cache) put(raw string, t *Token) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.newer == nil || len(c.newer) >= cacheHalf {
		c.older, c.newer = c.newer, make(map[string]*Token)
	}
	c.newer[raw] = t
}
