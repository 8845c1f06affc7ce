package mesh

import (
	"net/netip"
	"time"
)

// Elapse has a guard's time be up.
func Elapse(g *Guard) {
	g.began.Store(1)
	g.now = func() time.Time { return time.Unix(0, 1).Add(2 * MaxTime) }
}

var AllWithin = allWithin

// NewGuardIn is a guard as it is in a container of the lab.
func NewGuardIn(lab netip.Prefix) *Guard {
	g := NewGuard("", "")
	g.lab = lab
	return g
}
