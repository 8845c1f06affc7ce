// Package ratelimit limits how much each key may use, by the generic cell rate algorithm (GCRA, ITU-T I.371): one
// instant per key, the theoretical arrival time (TAT), is all there is to remember, and nothing has to be refilled.
package ratelimit

import (
	"context"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// Quota is what a key may use: in the long run Count units per Period, and so many at once when it has used none for
// so long. The zero value is no limit.
type Quota struct {
	Count  int64
	Period time.Duration
}

// Unlimited tells whether the quota limits nothing.
func (q Quota) Unlimited() bool { return q.Count == 0 }

// UnmarshalText reads "100/1s", or "off" for no limit.
func (q *Quota) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*q = Quota{}
		return nil
	}
	count, period, ok := strings.Cut(string(text), "/")
	n, err := strconv.ParseInt(count, 10, 64)
	d, err2 := time.ParseDuration(period)
	if !ok || err != nil || err2 != nil || n < 1 || d < time.Second || d > 24*time.Hour || d%time.Second != 0 || n > int64(d) {
		return fmt.Errorf("%q is not a limit, such as 100/1s (whole seconds, a day at most) or off", text)
	}
	*q = Quota{n, d}
	return nil
}

// String implements fmt.Stringer.
func (q Quota) String() string {
	if q.Unlimited() {
		return "off"
	}
	return fmt.Sprintf("%d/%v", q.Count, q.Period)
}

// Limit is a quota by name: keys of different limits are different keys.
type Limit struct {
	Name  string
	Unit  string // of what the quota counts: "requests", "content-bytes"
	Quota Quota
}

// Limiter takes units from a key's quota. What exceeds the whole quota counts as the whole of it: else it could
// never pass. Safe for concurrent use.
type Limiter interface {
	Take(ctx context.Context, limit *Limit, key string, units int64) Result
}

// Result is what became of a Take.
type Result struct {
	Allowed    bool
	Remaining  int64         // units that may be taken at once now
	Reset      time.Duration // until the whole quota is there again
	RetryAfter time.Duration // until what was refused would be allowed; 0 if it was
}

// charge returns the TAT after taking units at now, and whether they may be taken: if not, it stays what it was.
func (q Quota) charge(tat, now, units int64) (int64, bool) {
	tat = max(tat, now)
	after := tat + q.cost(units)
	if after-now > int64(q.Period) {
		return tat, false
	}
	return after, true
}

// cost is how long the units take to come back.
func (q Quota) cost(units int64) int64 {
	return scale(min(max(units, 0), q.Count), int64(q.Period), q.Count)
}

// scale returns a*b/c, of numbers that aren't negative and a quotient that fits.
func scale(a, b, c int64) int64 {
	high, low := bits.Mul64(uint64(a), uint64(b))
	quotient, _ := bits.Div64(high, low, uint64(c))
	return int64(quotient)
}

// result describes a key whose TAT, after the decision, lies owed in the future.
func (q Quota) result(allowed bool, owed time.Duration, units int64) Result {
	r := Result{Allowed: allowed, Remaining: scale(int64(max(0, q.Period-max(0, owed))), q.Count, int64(q.Period)), Reset: max(0, owed)}
	if !allowed {
		r.RetryAfter = max(time.Millisecond, owed+time.Duration(q.cost(units))-q.Period)
	}
	return r
}
