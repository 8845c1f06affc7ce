package ratelimit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

const (
	// askTimeout is what a request waits for Redis, once: then it is away for tryEvery.
	askTimeout = 100 * time.Millisecond
	tryEvery   = time.Second
	keyPrefix  = "redoubt:limit:"
)

// gcra is charge, on a key that several gateways share, by Redis' own clock: theirs may differ. Times are microseconds;
// a key that owes nothing any more expires.
var gcra = redis.NewScript(`
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local period, cost = tonumber(ARGV[1]), tonumber(ARGV[2])
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
if tat + cost - now > period then
  return {0, math.ceil(tat - now)}
end
tat = tat + cost
redis.call('SET', KEYS[1], string.format('%.3f', tat), 'PX', math.max(1, math.ceil((tat - now) / 1000)))
return {1, math.ceil(tat - now)}`)

// Shared is a Limiter whose quotas hold for all gateways that use one Redis together. Each asks its own Local first: what
// that refuses all of them together would refuse, so that a flood doesn't reach Redis; and while Redis is away,
// its answer is the answer: each gateway then grants the whole quota.
type Shared struct {
	local *Local
	redis redis.UniversalClient
	log   *slog.Logger
	away  atomic.Bool
	retry atomic.Int64 // when to ask again while away, UnixNano
}

// NewShared returns a limiter that uses the client, which remains the caller's to close.
func NewShared(client redis.UniversalClient, log *slog.Logger) *Shared {
	return &Shared{local: NewLocal(), redis: client, log: log}
}

// Take implements Limiter.
func (s *Shared) Take(ctx context.Context, limit *Limit, key string, units int64) Result {
	own := s.local.Take(ctx, limit, key, units)
	if !own.Allowed || limit.Quota.Unlimited() || !s.mayAsk() {
		return own
	}
	shared, err := s.ask(ctx, limit, key, units)
	if err != nil {
		s.lost(ctx, err)
		return own
	}
	if s.away.CompareAndSwap(true, false) {
		s.log.Info("rate limits are shared again")
	}
	return shared
}

func (s *Shared) ask(ctx context.Context, limit *Limit, key string, units int64) (Result, error) {
	// A client that hangs up mustn't look like a Redis that is away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	q := limit.Quota
	period := float64(q.Period / time.Microsecond)
	cost := float64(q.cost(units)) / float64(time.Microsecond)
	answer, err := gcra.Run(ctx, s.redis, []string{redisKey(limit, key)}, period, cost).Int64Slice()
	if err != nil {
		return Result{}, fmt.Errorf("ask Redis for a rate limit: %w", err)
	}
	if len(answer) != 2 {
		return Result{}, fmt.Errorf("ask Redis for a rate limit: %d values instead of 2", len(answer))
	}
	return q.result(answer[0] == 1, time.Duration(answer[1])*time.Microsecond, units), nil
}

// redisKey doesn't spell a principal out for whoever may list Redis' keys.
func redisKey(limit *Limit, key string) string {
	sum := sha256.Sum256([]byte(key))
	return keyPrefix + limit.Name + ":" + hex.EncodeToString(sum[:16])
}

// mayAsk lets one request in tryEvery find out whether Redis is back; the others don't wait for it.
func (s *Shared) mayAsk() bool {
	if !s.away.Load() {
		return true
	}
	now, due := time.Now().UnixNano(), s.retry.Load()
	return now >= due && s.retry.CompareAndSwap(due, now+int64(tryEvery))
}

func (s *Shared) lost(ctx context.Context, err error) {
	s.retry.Store(time.Now().Add(tryEvery).UnixNano())
	if s.away.CompareAndSwap(false, true) {
		s.log.WarnContext(ctx, "Redis is away: rate limits hold for each gateway alone until it is back", "error", err.Error())
	}
}

// Collector returns a gauge that is 1 while Redis answers, 0 while each gateway limits alone.
func (s *Shared) Collector() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "redoubt_gateway_limits_shared", Help: "1 while rate limits are shared through Redis, 0 while Redis is away and each gateway limits alone.",
	}, func() float64 {
		if s.away.Load() {
			return 0
		}
		return 1
	})
}
