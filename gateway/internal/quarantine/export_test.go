package quarantine

import "time"

// SetClock gives a list another clock.
func (l *List) SetClock(now func() time.Time) { l.now = now }
