package waf

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

const (
	// memoryHalf bounds what is remembered at twice as many heads.
	memoryHalf = 2048
	maxHead    = 2 << 10
)

// memory holds the heads, to the byte, of requests without a body that were clean. Clients ask for the same again and
// again, and the verdict depends on nothing else: not on the time, and not on the address, which the rules use only to
// look away. It has two halves: when the newer is full it becomes the older, and the older is forgotten.
type memory struct {
	mu           sync.RWMutex
	newer, older map[string]struct{}
}

func (m *memory) holds(head string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	_, ok := m.newer[head]
	if !ok {
		_, ok = m.older[head]
	}
	return ok
}

func (m *memory) keep(head string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.newer == nil || len(m.newer) >= memoryHalf {
		m.older, m.newer = m.newer, make(map[string]struct{})
	}
	m.newer[head] = struct{}{}
}

// head is all that the rules see of a request without a body; "" where there is one, or the head is long.
func (r Request) head() string {
	if len(r.Body) > 0 {
		return ""
	}
	var names [32]string
	sorted := slices.AppendSeq(names[:0], maps.Keys(r.Header))
	slices.Sort(sorted)
	var b strings.Builder
	b.Grow(512)
	b.WriteString(r.Method + "\n" + r.URI + "\n" + r.Proto)
	for _, name := range sorted {
		for _, v := range r.Header[name] { // no value holds a line break: net/http sees to that
			b.WriteByte('\n')
			b.WriteString(name)
			b.WriteByte(':')
			b.WriteString(v)
		}
	}
	if b.Len() > maxHead {
		return ""
	}
	return b.String()
}
