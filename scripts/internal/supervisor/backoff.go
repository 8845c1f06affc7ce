package supervisor

import "time"

// The restart delays: the first is hardly felt, a component that dies over and over doesn't eat a processor.
const (
	firstDelay = 100 * time.Millisecond
	maxDelay   = 5 * time.Second
	healthy    = 10 * time.Second // after that long, a death counts as the first one again
)

type backoff struct{ delay time.Duration }

// next tells how long to wait after a run that lasted so long.
func (b *backoff) next(ran time.Duration) time.Duration {
	if ran >= healthy || b.delay == 0 {
		b.delay = firstDelay
		return b.delay
	}
	b.delay = min(b.delay*2, maxDelay)
	return b.delay
}
