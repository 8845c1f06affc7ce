package dpop

import "time"

// SetClock replaces the time; SetMax, how many proofs a generation may hold.
func (v *Verifier) SetClock(now func() time.Time) { v.now = now }
func (v *Verifier) SetMax(n int)                  { v.seen.max = n }
