package ratelimit

import "time"

// SlotsInAll is how many keys the table can hold.
const SlotsInAll = slotsPerBucket * bucketsInAll

// SetClock replaces the time by what now returns.
func (l *Local) SetClock(now func() time.Duration) { l.now = func() int64 { return int64(now()) } }
