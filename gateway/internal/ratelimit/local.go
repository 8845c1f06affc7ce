package ratelimit

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

// The table's shape. 2^18 slots are 4 MiB, whatever happens. Keys that use nothing need no slot, so that it holds
// that many clients that asked for something within the period just past.
const (
	slotsPerBucket = 8 // 128 bytes: two cache lines
	bucketsInAll   = 1 << 15
	locks          = 256
)

// Local is a Limiter in this process, in a fixed amount of memory and constant time. When a bucket is full of keys that
// all owe something, the one that owes the least is forgotten: a flood of new keys displaces clients that
// have their quota almost whole, and never one that has used it up before one that hasn't.
type Local struct {
	seed  maphash.Seed // secret: nobody can choose keys that meet in one bucket
	now   func() int64
	locks [locks]struct {
		sync.Mutex
		_ [56]byte // each on a cache line of its own
	}
	buckets [][slotsPerBucket]slot
}

// slot holds a key, by 64 bits of its hash, and its TAT in nanoseconds. A TAT in the past is a free slot.
type slot struct {
	key uint64
	tat int64
}

// NewLocal returns a limiter that knows no key.
func NewLocal() *Local {
	begin := time.Now()
	return &Local{seed: maphash.MakeSeed(), buckets: make([][slotsPerBucket]slot, bucketsInAll),
		now: func() int64 { return int64(time.Since(begin)) + 1 }} // monotonic: a changed clock forgives nobody
}

// Take implements Limiter.
func (l *Local) Take(_ context.Context, limit *Limit, key string, units int64) Result {
	q := limit.Quota
	if q.Unlimited() {
		return Result{Allowed: true}
	}
	hash := l.hash(limit.Name, key)
	index := hash % bucketsInAll
	lock, bucket := &l.locks[index%locks], &l.buckets[index]
	lock.Lock()
	now := l.now()
	s := bucketSlot(bucket, hash, now)
	tat, allowed := q.charge(s.tat, now, units)
	if allowed {
		s.key, s.tat = hash, tat
	}
	lock.Unlock()
	return q.result(allowed, time.Duration(tat-now), units)
}

func (l *Local) hash(name, key string) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	_, _ = h.WriteString(name)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(key)
	return h.Sum64()
}

// bucketSlot returns the key's slot, or the one to use for it, emptied.
func bucketSlot(bucket *[slotsPerBucket]slot, key uint64, now int64) *slot {
	least := &bucket[0]
	for i := range bucket {
		s := &bucket[i]
		if s.key == key {
			return s
		}
		if s.tat < least.tat {
			least = s
		}
	}
	*least = slot{key: key, tat: now}
	return least
}
