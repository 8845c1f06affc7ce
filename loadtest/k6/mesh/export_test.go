package mesh

import "time"

// Elapse has a guard's time be up.
func Elapse(g *Guard) {
	g.began.Store(1)
	g.now = func() time.Time { return time.Unix(0, 1).Add(2 * MaxTime) }
}
