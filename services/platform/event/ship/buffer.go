package ship

import (
	"bytes"
	"sync"

	"redoubt.example/services/platform/event"
)

const (
	chunkSize = 64 << 10 // bytes: what is sent at once
	chunks    = 32       // the most that wait
	reserved  = 8        // of them, for what is no access line: decisions, and what a workload says of itself
)

// buffer keeps lines until they are sent. Writing to it copies a line, and waits for nobody who does more than that.
type buffer struct {
	loss *loss

	mu      sync.Mutex
	waiting [][]byte // whole lines, oldest first; the last chunk is written to
	free    [][]byte // empty ones
}

func newBuffer(l *loss) *buffer { return &buffer{loss: l} }

// put copies the line if it is an event, and counts it as lost if there is no room.
func (b *buffer) put(line []byte) {
	kind := event.Logged(message(line))
	if kind == event.NoEvent {
		return
	}
	if len(line) > chunkSize {
		b.loss.add(tooLong, 1)
		return
	}
	if !b.append(line, kind == event.AccessLine) {
		b.loss.add(noRoom, 1)
	}
}

func (b *buffer) append(line []byte, access bool) bool {
	most := chunks
	if access {
		most -= reserved
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.waiting)
	switch {
	case n > most:
		return false
	case n == 0 || len(b.waiting[n-1])+len(line) > chunkSize:
		if n == most {
			return false
		}
		b.waiting = append(b.waiting, b.empty())
		n++
	}
	b.waiting[n-1] = append(b.waiting[n-1], line...)
	return true
}

func (b *buffer) empty() []byte {
	if n := len(b.free); n > 0 {
		chunk := b.free[n-1]
		b.free = b.free[:n-1]
		return chunk
	}
	return make([]byte, 0, chunkSize)
}

// take returns the oldest chunk, to be released, nil if there is none; and whether there are more.
func (b *buffer) take() (lines []byte, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		return nil, false
	}
	lines = b.waiting[0]
	b.waiting = append(b.waiting[:0], b.waiting[1:]...)
	return lines, len(b.waiting) > 0
}

// release gives a chunk back. Two are kept, as many as there are while sending keeps up.
func (b *buffer) release(chunk []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if chunk != nil && len(b.free) < 2 {
		b.free = append(b.free, chunk[:0])
	}
}

// size is in bytes.
func (b *buffer) size() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, chunk := range b.waiting {
		n += len(chunk)
	}
	return float64(n)
}

var messageKey = []byte(`"msg":"`)

// message returns a line's message, as JSON has it. slog writes it after time and level, which nobody chooses.
func message(line []byte) []byte {
	_, rest, _ := bytes.Cut(line, messageKey)
	end := bytes.IndexByte(rest, '"')
	return rest[:max(end, 0)]
}
