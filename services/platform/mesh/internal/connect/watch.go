package connect

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/consul/api"
)

// waitTime bounds one blocking query; Consul adds up to a sixteenth.
const waitTime = time.Minute

// watch runs blocking queries until ctx ends: query is called with the index to wait for, and stores what it gets.
// Errors are retried; a new token interrupts the query that the old one had started. The first query, and the first after an
// error, is a consistent one: a leader just elected answers others before it has replayed its log, with what was once, or nothing.
func (c *Client) watch(ctx context.Context, what string, query func(*api.QueryOptions) (*api.QueryMeta, error)) {
	attempts := newRetry()
	var index uint64
	for {
		token, changed, err := c.session.get(ctx)
		if err != nil {
			return
		}
		meta, err := queryOnce(ctx, changed, &api.QueryOptions{Token: token, WaitIndex: index, WaitTime: waitTime, RequireConsistent: index == 0}, query)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			attempts.reset()
			c.health.report(what, nil)
			index = nextIndex(index, meta.LastIndex)
		case isClosed(changed): // interrupted by us
		default:
			c.session.refused(token, err)
			c.health.report(what, err)
			index = 0 // when Consul is back, its answer must not wait for a change
			if !attempts.pause(ctx, changed) {
				return
			}
		}
	}
}

func queryOnce(ctx context.Context, stop <-chan struct{}, q *api.QueryOptions,
	query func(*api.QueryOptions) (*api.QueryMeta, error)) (*api.QueryMeta, error) {
	ctx, cancel := context.WithTimeout(ctx, waitTime+waitTime/8)
	defer cancel()
	finished := make(chan struct{})
	defer close(finished)
	go func() {
		select {
		case <-stop:
			cancel()
		case <-finished:
		}
	}()
	meta, err := query(q.WithContext(ctx))
	if err == nil && meta.LastIndex == 0 {
		return nil, fmt.Errorf("an answer without an index")
	}
	return meta, err
}

// nextIndex follows Consul's rules for blocking queries: an index that goes backwards starts over.
func nextIndex(old, latest uint64) uint64 {
	if latest < old {
		return 0
	}
	return latest
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
