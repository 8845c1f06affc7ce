package connect

import "sync"

// latest holds the newest value of something watched, and wakes those who wait for a newer one.
type latest[T any] struct {
	mu      sync.Mutex
	value   T
	set     bool
	changed chan struct{}
}

func newLatest[T any]() *latest[T] { return &latest[T]{changed: make(chan struct{})} }

func (l *latest[T]) store(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.value, l.set = v, true
	close(l.changed)
	l.changed = make(chan struct{})
}

// wake wakes those who wait for a newer value, though there is none: something else asks for their attention.
func (l *latest[T]) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
}

// load returns the value, whether there is one, and a channel that closes when a newer one comes.
func (l *latest[T]) load() (v T, ok bool, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.value, l.set, l.changed
}

func (l *latest[T]) known() bool {
	_, ok, _ := l.load()
	return ok
}
